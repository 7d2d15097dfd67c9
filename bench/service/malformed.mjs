import { BOUNDARY, FORM_TYPE, fields, formBytes, picture, sample } from './form.mjs';

/** Numbers that a seed determines (mulberry32). */
export function randomOf(seed) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return { below: (n) => Math.floor(next() * n), of: (values) => values[Math.floor(next() * values.length)] };
}

const post = (body, { type = FORM_TYPE, path = '/v1/restorations', length = body.length, more = '' } = {}) =>
  Buffer.concat([
    Buffer.from(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n${more}\r\n`,
    ),
    body,
  ]);
const get = (path, method = 'GET') => Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`, 'latin1');
const bytes = (text) => Buffer.from(text, 'latin1');

function flipped(buffer, random, count) {
  const copy = Buffer.from(buffer);
  for (let k = 0; k < count; k++) copy[random.below(copy.length)] = random.below(256);
  return copy;
}

const PATHS = [
  '../../../package.json',
  '..%2f..%2fpackage.json',
  '%2e%2e/%2e%2e/package.json',
  '..\\..\\package.json',
  '%00',
  '%ff',
  '/etc/passwd',
  '....//',
  'a'.repeat(3000),
];
const NUMBERS = ['NaN', '1e999', '-1', '0x10', '1,5', '٣', 'null', '[]', '{}', ' ', '1 ', '9'.repeat(400), '-0', 'Infinity', 'true'];
const TASKS = [
  'inpaint:/etc/passwd',
  'deblur:kernel:/dev/zero',
  'deblur:kernel:',
  'inpaint:',
  'sr:1e3',
  'sr:-4',
  'sr:4,4',
  'sr:4,filter=',
  '__proto__',
  'sr',
  ':::',
  'denoise,x=1',
  'deblur:motion:1e9:1',
  'inpaint:box:-1:0:1:1',
  'sr:4\0',
  'toString',
  'a'.repeat(7000),
  'inpaint:http://localhost/',
  'deblur:kernel:\\\\host\\share',
];
const FILES = [
  '<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>',
  '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg>&e;</svg>',
  'GIF89a\x01\0\x01\0\0\0\0;',
  '%PDF-1.7\n',
  'push graphic-context\nfill url(https://localhost/)\npop graphic-context',
  '\x89PNG\r\n\x1a\n',
  '\xff\xd8\xff\xe0',
  'RIFF\xff\xff\xff\xffWEBPVP8 ',
  'II*\0\xff\xff\xff\xff',
  '\0\0\0\x20ftypavif',
  'MM\0*\0\0\0\x08',
  'P6 99999 99999 255 ',
];

/** Kinds of requests that nobody should send, each a function of random numbers. */
const KINDS = {
  'a form without an end': (random) => post(formBytes([picture(), ...fields()]).subarray(0, 100 + random.below(sample.length))),
  'a form with another boundary': (random) =>
    post(formBytes([picture(), ...fields()]), {
      type: random.of([
        'multipart/form-data; boundary=other',
        'multipart/form-data',
        'multipart/form-data; boundary=',
        'multipart/form-data; boundary="',
        `multipart/form-data; boundary=${'b'.repeat(500)}`,
        'multipart/mixed; boundary=x',
      ]),
    }),
  'a form that is none': (random) =>
    post(bytes(random.of(['', '{}', 'a=b', '--', `--${BOUNDARY}`, `--${BOUNDARY}--`, `--${BOUNDARY}\r\n\r\n\r\n`, '\0'.repeat(999)]))),
  'a part with broken headers': (random) =>
    post(
      bytes(
        `--${BOUNDARY}\r\n${random.of(['Content-Disposition: form-data', 'Content-Disposition: form-data; name=', 'X'.repeat(90_000), 'Content-Disposition: form-data; name="file"; filename*=utf-8\'\'%', ': :', '\0', 'Content-Disposition: attachment; name="task"'])}\r\n\r\nx\r\n--${BOUNDARY}--\r\n`,
      ),
    ),
  'a number that is none': (random) =>
    post(formBytes([picture(), ...fields({ [random.of(['sigma', 'steps', 'seed'])]: random.of(NUMBERS) })])),
  'a flag, a result or a name that is none': (random) =>
    post(
      formBytes([
        picture(),
        ...fields({
          [random.of(['calibrate', 'previews', 'result', 'tusk', '__proto__', 'constructor', 'hasOwnProperty', '', 'a[b]'])]: random.of([
            'yes',
            '1',
            'null',
            '../',
          ]),
        }),
      ]),
    ),
  'a task that is none': (random) =>
    post(formBytes([picture(), ...fields({ task: random.of(TASKS) })]), { path: random.of(['/v1/restorations', '/v1/degradations']) }),
  'many or long fields': (random) =>
    post(
      formBytes([
        picture(),
        ...fields(),
        ...Array.from({ length: random.of([1, 30, 500]) }, (_, k) => [
          `f${k}${'n'.repeat(random.of([0, 5000]))}`,
          'v'.repeat(random.of([0, 20_000])),
        ]),
      ]),
    ),
  'a file twice, elsewhere or empty': (random) =>
    post(
      formBytes(
        random.of([
          [picture(), picture(), ...fields()],
          [['mask', sample, 'm.png'], ...fields()],
          [['file', sample], ...fields()],
          [picture(Buffer.alloc(0)), ...fields()],
          [['task', sample, 't.png'], picture()],
        ]),
      ),
    ),
  'a file with the name of another': (random) =>
    post(
      formBytes([
        picture(
          Buffer.from('no picture'),
          random.of(['../../../tmp/x.png', '/etc/passwd', '..\\x', '\0.png', `${'n'.repeat(5000)}.png`, '']),
        ),
        ...fields(),
      ]),
    ),
  'a file of another kind': (random) => post(formBytes([picture(bytes(random.of(FILES))), ...fields()])),
  'too large a file': () => post(formBytes([picture(Buffer.alloc(1_200_000, sample)), ...fields()])),
  'a picture that is cut': (random) => post(formBytes([picture(sample.subarray(0, random.below(sample.length))), ...fields()])),
  'a picture with wrong bytes': (random) => post(formBytes([picture(flipped(sample, random, 1 + random.below(20))), ...fields()])),
  'a request with wrong bytes': (random) => flipped(post(formBytes([picture(), ...fields()])), random, 1 + random.below(30)),
  'a form with wrong bytes': (random) => post(flipped(formBytes([...fields(), picture()]), random, 1 + random.below(40))),
  'a path that leads elsewhere': (random) =>
    get(
      `${random.of(['/assets/', '/v1/restorations/', '/', '//', '/v1/restorations/x/../'])}${random.of(PATHS)}${random.of(['', '/image', '/events', '?previews=1'])}`,
    ),
  'another method': (random) =>
    get(
      random.of(['/v1/restorations', '/v1/model', '/metrics', '/']),
      random.of(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'HEAD', 'CONNECT', 'BREW', 'get']),
    ),
  'another kind of body': (random) =>
    post(bytes(random.of(['{"task":"sr:4"}', '[', 'task=sr:4', '<a/>', ''])), {
      type: random.of(['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'image/png', '', '\t', 'multipart']),
    }),
  'a length that is wrong': (random) =>
    post(formBytes([picture(), ...fields()]), { length: random.of([-1, 0, 10, 10 ** 6, 10 ** 12, '1e3', 'x']) }),
  'headers that contradict': (random) =>
    post(formBytes([picture(), ...fields()]), {
      more: random.of([
        'Transfer-Encoding: chunked\r\n',
        'Content-Length: 3\r\n',
        'Host: other\r\n',
        `X: ${'y'.repeat(40_000)}\r\n`,
        'Expect: 200-nothing\r\n',
        'Upgrade: websocket\r\nConnection: upgrade\r\n',
        'Origin: http://evil.example\r\n',
        'Authorization: Bearer \r\n',
      ]),
    }),
  'no request at all': (random) =>
    bytes(
      random.of([
        '\r\n\r\n',
        'GET',
        '\x16\x03\x01\x02\0\x01\0',
        'GET / HTTP/9.9\r\n\r\n',
        'POST /v1/restorations\r\n\r\n',
        '\0'.repeat(500),
        'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      ]),
    ),
};

/** So many of them, kind after kind: [kind, bytes]. */
export function malformedRequests(count, seed) {
  const random = randomOf(seed);
  const kinds = Object.entries(KINDS);
  return Array.from({ length: count }, (_, k) => {
    const [kind, make] = kinds[k % kinds.length];
    return [kind, make(random)];
  });
}
