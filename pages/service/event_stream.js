/**
 * The events of a `text/event-stream`, as they come. (`EventSource` does the same, but cannot send a token.)
 *
 * @param {ReadableStream<Uint8Array>} stream
 * @returns {AsyncGenerator<{ event: string, data: string }, void, undefined>}
 */
export async function* eventsOf(stream) {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let event = 'message';
  /** @type {string[]} */ let data = [];
  try {
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      // A carriage return at the end may be half of a line's end.
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const [, field, text] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
        if (field === 'event') event = text;
        if (field === 'data') data.push(text);
        if (line !== '') continue;
        if (data.length > 0) yield { event, data: data.join('\n') };
        [event, data] = ['message', []];
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
