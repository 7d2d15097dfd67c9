/** What all the promises give; when one fails, what the others gave is disposed, and that failure thrown. */
export async function allOrNone<T extends { dispose(): void }>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  const failed = settled.find((result) => result.status === 'rejected');
  if (!failed) return Promise.all(promises);
  for (const result of settled) if (result.status === 'fulfilled') result.value.dispose();
  throw failed.reason;
}
