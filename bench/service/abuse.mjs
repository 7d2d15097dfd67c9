import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FORM_TYPE, fields, formBytes, picture } from './form.mjs';
import { malformedRequests } from './malformed.mjs';

/** Sends what nobody should, and says what came back: statuses, by kind, and what became of what was taken all the same. */
export async function abuse(served, { requests, seed = 1, together = 8 }) {
  const waiting = malformedRequests(requests, seed);
  const statuses = {};
  const kinds = {};
  const failures = [];
  const states = {};
  await served.vitals();
  const send = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const [kind, bytes] = next;
      const answer = await exchange(served.url, bytes);
      const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(answer)?.[1] ?? 0);
      statuses[status] = (statuses[status] ?? 0) + 1;
      kinds[kind] ??= {};
      kinds[kind][status] = (kinds[kind][status] ?? 0) + 1;
      if (status >= 500) failures.push({ kind, status, answer: answer.slice(-300) });
      if (status === 429) waiting.push(next);
      const id = status === 202 && /"id":"([^"]+)"/.exec(answer)?.[1];
      if (!id) continue;
      // It was not so malformed, or that is not seen before the picture is decoded.
      const { state, error } = await served.ended(id);
      const became = error ? `${state}: ${error.code}` : state;
      states[became] = (states[became] ?? 0) + 1;
      if (error && error.code !== 'ERR_LATINO_IMAGE') failures.push({ kind, error });
      await fetch(`${served.url}/v1/restorations/${id}`, { method: 'DELETE' });
    }
  };
  await Promise.all(Array.from({ length: together }, send));
  const vitals = await served.vitals();
  // Who has just left is still being forgotten.
  for (let tries = 0; served.files > 0 && tries < 250; tries++) await sleep(20);
  const filesLeft = served.files;
  const after = await fetch(`${served.url}/v1/restorations`, {
    method: 'POST',
    headers: { 'content-type': FORM_TYPE },
    body: formBytes([picture(), ...fields()]),
  });
  const { state } = await served.ended((await after.json()).id);
  return {
    requests,
    seed,
    statuses,
    states,
    failures,
    filesLeft,
    eventLoopMs: vitals.eventLoop,
    after: state,
    kinds,
  };
}

/** What a service that waits for more is given. */
const PATIENCE_MS = 2_000;

/** Sends bytes and gives what comes back until the service closes, or nothing has come for a while. */
function exchange(url, bytes) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const chunks = [];
    const socket = connect(Number(port), hostname, () => socket.write(bytes)).setTimeout(PATIENCE_MS, () => socket.destroy());
    socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => undefined);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}
