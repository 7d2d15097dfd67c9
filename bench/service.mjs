// What the service stands: node bench/service.mjs [--clients 200] [--requests 2000] [--restorations 500] [--malformed 1000] [--seed 1] [--json]
// A crowd at a queue of 16, memory and the delay of the event loop over many restorations, and requests that nobody should send; the portraits' model.
// Delays are the 99th percentile and the maximum; a status of 0 is a connection that was closed without an answer.
import { parseArgs } from 'node:util';
import { abuse } from './service/abuse.mjs';
import { crowd } from './service/crowd.mjs';
import { endurance } from './service/endurance.mjs';
import { Served } from './service/served.mjs';

const QUEUE = 16;
const { values: flags } = parseArgs({
  options: {
    clients: { type: 'string', default: '200' },
    requests: { type: 'string', default: '2000' },
    restorations: { type: 'string', default: '500' },
    malformed: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean' },
  },
});
const count = (name) => Number(flags[name]);

const served = await Served.start('--capacity', String(QUEUE), '--max-bytes', '1000000', '--keep', '1000');
const result = {
  queue: QUEUE,
  crowd: await crowd(served, { clients: count('clients'), requests: count('requests') }),
  endurance: await endurance(served, { restorations: count('restorations') }),
  malformed: await abuse(served, { requests: count('malformed'), seed: count('seed') }),
};
const { status, left } = await served.stop();
Object.assign(result, { exit: status, leftBehind: left, faults: served.faults });

if (flags.json) console.log(JSON.stringify(result));
else print(result);

function print({ crowd, endurance, malformed, faults }) {
  const list = (counts) => Object.entries(counts).map(([name, n]) => `${n} × ${name}`);
  const ms = ({ p99, max, idle }) =>
    `event loop ${p99.toFixed(0)} and ${max.toFixed(0)} ms, an idle one's ${idle.p99.toFixed(0)} and ${idle.max.toFixed(0)}`;
  const line = (...words) => console.log(words.flat().join(', '));
  line(`${crowd.clients} clients, ${crowd.requests} requests, queue of ${QUEUE}: answers`, list(crowd.statuses), `${crowd.errors} errors`);
  line(`  became ${list(crowd.states)}`, `${crowd.pictures} pictures`, ms(crowd.eventLoopMs));
  line(`${endurance.restorations} restorations, 4 at a time: ${list(endurance.states)}`);
  for (const { done, rss, heap, files, eventLoop } of endurance.memory)
    line(`  after ${String(done).padStart(4)}: ${rss.toFixed(0)} MiB`, `heap ${heap.toFixed(0)}`, `${files} files`, ms(eventLoop));
  line(`${malformed.requests} malformed requests: answers`, list(malformed.statuses), ms(malformed.eventLoopMs));
  line(`  became ${list(malformed.states)}`, `${malformed.failures.length} failures`, `a restoration after them: ${malformed.after}`);
  for (const failure of malformed.failures) line(`  ${JSON.stringify(failure)}`);
  line(`exit status ${status}`, `${left} files left`, `${faults.length} faults`);
}
