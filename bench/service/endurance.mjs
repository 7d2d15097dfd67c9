import { FORM_TYPE, fields, formBytes, picture } from './form.mjs';

/** So many restorations, a few at a time, each watched, fetched and removed; the memory of the service meanwhile. */
export async function endurance(served, { restorations, together = 4 }) {
  const body = formBytes([picture(), ...fields({ steps: '2', previews: 'true' })]);
  const headers = { 'content-type': FORM_TYPE };
  const memory = [];
  const states = {};
  let [begun, done] = [0, 0];
  await served.vitals();
  const one = async () => {
    while (begun < restorations) {
      begun++;
      const response = await fetch(`${served.url}/v1/restorations`, { method: 'POST', headers, body });
      const { id } = await response.json();
      await (await fetch(`${served.url}/v1/restorations/${id}/events`)).text();
      const { state } = await served.state(id);
      states[state] = (states[state] ?? 0) + 1;
      await (await fetch(`${served.url}/v1/restorations/${id}/image`)).arrayBuffer();
      await fetch(`${served.url}/v1/restorations/${id}`, { method: 'DELETE' });
      if (++done % Math.max(1, Math.round(restorations / 10)) === 0) memory.push({ done, ...(await served.vitals()) });
    }
  };
  await Promise.all(Array.from({ length: together }, one));
  return { restorations, states, memory };
}
