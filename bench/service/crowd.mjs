import autocannon from 'autocannon';
import { FORM_TYPE, fields, formBytes, picture } from './form.mjs';

/**
 * As many clients at once as there are, each asking again and again, until so many requests were answered. Of what was taken each is waited for, and its
 * picture fetched.
 */
export async function crowd(served, { clients, requests }) {
  const statuses = {};
  const taken = [];
  const withoutRetry = [];
  const answered = (status, body, _, headers) => {
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (status === 202) taken.push(JSON.parse(body).id);
    if (status === 429 && !(Number(headers?.['retry-after'] ?? headers?.['Retry-After']) > 0)) withoutRetry.push(headers);
  };
  await served.vitals();
  const result = await autocannon({
    url: served.url,
    connections: clients,
    amount: requests,
    timeout: 60,
    requests: [
      {
        method: 'POST',
        path: '/v1/restorations',
        headers: { 'content-type': FORM_TYPE },
        body: formBytes([picture(), ...fields()]),
        onResponse: answered,
      },
    ],
  });
  const vitals = await served.vitals();
  const states = {};
  let pictures = 0;
  for (const id of taken) {
    const { state } = await served.ended(id);
    states[state] = (states[state] ?? 0) + 1;
    const image = await fetch(`${served.url}/v1/restorations/${id}/image`);
    if (image.ok && (await image.arrayBuffer()).byteLength > 1000) pictures++;
    await fetch(`${served.url}/v1/restorations/${id}`, { method: 'DELETE' });
  }
  return {
    ...{ clients, requests, statuses, states, pictures, withoutRetryAfter: withoutRetry.length },
    errors: result.errors,
    timeouts: result.timeouts,
    latencyMs: { median: result.latency.p50, p99: result.latency.p99 },
    eventLoopMs: vitals.eventLoop,
  };
}
