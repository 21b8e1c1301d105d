#!/usr/bin/env node
// The demo application, one program in three roles: `smart-camera.mjs --role camera|detector|classifier`.
// It does real work on made-up pictures: the camera draws frames with people in them, the detector finds them again, the classifier
// runs a small convolution network over each. What it costs is CPU time per person, so that latency follows people and load.
//
// Environment: PORT (or --port); PEOPLE fixes the number in view (else a scenario goes round); FRAMES_PER_SECOND (5);
// <NAME>_SERVICE_HOST and <NAME>_SERVICE_PORT of the next role, as Kubernetes sets them (else its DNS name);
// CLASSIFIER_PASSES (1) multiplies the work per person.
// HTTP: /metrics (OpenMetrics), /healthz, and on the camera PUT /people with a number, or "scenario", as body.
import { Agent, createServer, request } from 'node:http';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';

const roles = {
  camera: { port: 9101, next: 'detector', start: startCamera },
  detector: { port: 9102, next: 'classifier', start: startDetector },
  classifier: { port: 9103, next: null, start: startClassifier },
};
const width = 160;
const height = 120;
/** Side of the square around a person that the classifier looks at, in pixels. */
const cropSize = 32;
const personLevel = 200;
const classes = ['adult', 'child', 'cyclist', 'animal'];

const { values } = parseArgs({
  options: { role: { type: 'string' }, port: { type: 'string' } },
});
const role = roles[values.role];
if (!role) {
  process.stderr.write('smart-camera: --role is camera, detector or classifier\n');
  process.exit(2);
}
const port = Number(values.port ?? process.env.PORT ?? role.port);
/** Tells one running copy from another, e.g. before and after a move. */
const instance = `${process.env.POD_NAME ?? hostname()}-${process.pid}`;
const log = (text) => process.stdout.write(`${new Date().toISOString()} ${values.role}: ${text}\n`);
const metrics = { frames_total: 0, frames_dropped_total: 0 };
let draining = false;

role.start();

// ---- camera ----

/** People in view, each for 12 s; every start of the camera sees the same. Few enough for an idle host to keep 50 ms. */
const scenario = [2, 3, 3, 2, 3, 2, 1, 2, 3, 3];
const scenarioStepMs = 12_000;

function startCamera() {
  const target = connectTo('detector', roles.detector.port);
  const startedAt = Date.now();
  const fixed = process.env.PEOPLE === undefined ? null : clampPeople(Number(process.env.PEOPLE));
  let people = fixed;
  const inView = () => people ?? scenario[Math.floor((Date.now() - startedAt) / scenarioStepMs) % scenario.length];
  const intervalMs = 1000 / Number(process.env.FRAMES_PER_SECOND ?? 5);
  const recent = new RecentLatency();
  let number = 0;
  let inFlight = 0;

  const shoot = async () => {
    // A camera does not wait: when two frames are on their way, this one is lost.
    if (inFlight >= 2) {
      metrics.frames_dropped_total++;
      return;
    }
    const count = inView();
    const frame = drawFrame(count, number++);
    inFlight++;
    const takenAt = performance.now();
    try {
      await target.send('/frame', frame);
      recent.add(performance.now() - takenAt);
      metrics.frames_total++;
    } catch (error) {
      metrics.frames_dropped_total++;
      complain(error);
    } finally {
      inFlight--;
    }
  };
  // A shutter is never exact, and must not be: 200 ms is a multiple of the kernel's quota period, and frames in step with it would
  // always, or never, meet a throttled host.
  const next = () => {
    void shoot();
    setTimeout(next, intervalMs * (0.8 + 0.4 * Math.random()));
  };
  setTimeout(next, intervalMs);
  const complain = limited((error) => log(`frame lost: ${error.message}`));

  serve({
    gauges: () => ({ people_in_view: inView(), frame_round_trip_ms: recent.value() }),
    routes: {
      'PUT /people': async (body) => {
        const text = body.toString().trim();
        people = text === 'scenario' ? fixed : clampPeople(Number(text));
        return JSON.stringify({ people: inView() });
      },
    },
  });
}

function clampPeople(value) {
  if (!Number.isInteger(value) || value < 0 || value > 14) throw new BadRequest('people is a whole number from 0 to 14');
  return value;
}

/** 8-bit grey picture, row by row: noise, and a bright upright ellipse for each person, placed so that none touch. */
function drawFrame(people, seed) {
  const pixels = Buffer.alloc(width * height);
  let random = (seed * 2654435761) >>> 0;
  for (let i = 0; i < pixels.length; i++) {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    pixels[i] = random >>> 26;
  }
  for (let person = 0; person < people; person++) {
    const left = 6 + (person % 7) * 22;
    const top = person < 7 ? 12 : 70;
    const sway = (seed + person) % 4;
    for (let y = 0; y < 28; y++) {
      for (let x = 0; x < 12; x++) {
        const inside = ((x - 5.5) / 6) ** 2 + ((y - 13.5) / 14) ** 2 <= 1;
        if (inside) pixels[(top + y) * width + left + x + sway] = personLevel + ((x * 7 + y * 3 + person * 11) % 55);
      }
    }
  }
  return pixels;
}

// ---- detector ----

function startDetector() {
  const target = connectTo('classifier', roles.classifier.port);
  let seen = null;
  serve({
    gauges: () => ({ people_in_view: seen }),
    routes: {
      'POST /frame': async (frame) => {
        if (frame.length !== width * height) throw new BadRequest(`a frame has ${width * height} bytes`);
        const people = findPeople(frame);
        seen = people.length;
        try {
          const body = Buffer.concat(people.map((person) => crop(frame, person)));
          const answer = await target.send('/people', body);
          metrics.frames_total++;
          return answer;
        } catch (error) {
          metrics.frames_dropped_total++;
          throw error;
        }
      },
    },
  });
}

/** Centres of connected bright areas, by flood fill. */
function findPeople(frame) {
  const visited = new Uint8Array(frame.length);
  const stack = [];
  const found = [];
  for (let start = 0; start < frame.length; start++) {
    if (visited[start] || frame[start] < personLevel) continue;
    let [area, sumX, sumY] = [0, 0, 0];
    stack.push(start);
    visited[start] = 1;
    while (stack.length > 0) {
      const at = stack.pop();
      const x = at % width;
      area++;
      sumX += x;
      sumY += (at - x) / width;
      for (const near of [x > 0 ? at - 1 : at, x < width - 1 ? at + 1 : at, at - width, at + width]) {
        if (near < 0 || near >= frame.length || visited[near] || frame[near] < personLevel) continue;
        visited[near] = 1;
        stack.push(near);
      }
    }
    if (area >= 50) found.push({ x: Math.round(sumX / area), y: Math.round(sumY / area) });
  }
  return found;
}

function crop(frame, { x, y }) {
  const left = Math.min(Math.max(0, x - cropSize / 2), width - cropSize);
  const top = Math.min(Math.max(0, y - cropSize / 2), height - cropSize);
  const rows = Array.from({ length: cropSize }, (_, row) => {
    const start = (top + row) * width + left;
    return frame.subarray(start, start + cropSize);
  });
  return Buffer.concat(rows);
}

// ---- classifier ----

function startClassifier() {
  const network = createNetwork();
  const passes = Number(process.env.CLASSIFIER_PASSES ?? 1);
  const recent = new RecentLatency();
  let seen = null;
  serve({
    gauges: () => ({
      people_in_view: seen,
      // From the frame's arrival here to its classes: what moving this part can change, whatever befalls the others.
      frame_classify_latency_ms: recent.value(),
    }),
    routes: {
      'POST /people': async (crops, arrivedAt) => {
        const size = cropSize * cropSize;
        seen = Math.floor(crops.length / size);
        const found = [];
        for (let person = 0; person < seen; person++) {
          const picture = crops.subarray(person * size, (person + 1) * size);
          let best = 0;
          for (let pass = 0; pass < passes; pass++) best = network(picture);
          found.push(classes[best]);
        }
        recent.add(performance.now() - arrivedAt);
        metrics.frames_total++;
        return JSON.stringify({ instance, node: process.env.NODE_NAME ?? hostname(), classes: found });
      },
    },
  });
}

/** Two 3×3 convolutions with rectification, pooled over the picture, and a linear layer; fixed weights from a seed. */
function createNetwork() {
  const channels = 28;
  let state = 20_240_601;
  const weight = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  const first = Float32Array.from({ length: channels * 9 }, weight);
  const second = Float32Array.from({ length: channels * channels * 9 }, weight);
  const last = Float32Array.from({ length: classes.length * channels }, weight);
  const area = cropSize * cropSize;
  const input = new Float32Array(area);
  const hidden = new Float32Array(channels * area);
  const plane = new Float32Array(area);

  const addConvolved = (from, offset, kernel, kernelOffset, into, intoOffset) => {
    for (let y = 1; y < cropSize - 1; y++) {
      for (let x = 1; x < cropSize - 1; x++) {
        let sum = 0;
        for (let dy = -1; dy <= 1; dy++) {
          const row = offset + (y + dy) * cropSize + x;
          const k = kernelOffset + (dy + 1) * 3;
          sum += from[row - 1] * kernel[k] + from[row] * kernel[k + 1] + from[row + 1] * kernel[k + 2];
        }
        into[intoOffset + y * cropSize + x] += sum;
      }
    }
  };
  return (picture) => {
    for (let i = 0; i < area; i++) input[i] = picture[i] / 255;
    hidden.fill(0);
    for (let c = 0; c < channels; c++) addConvolved(input, 0, first, c * 9, hidden, c * area);
    for (let i = 0; i < hidden.length; i++) if (hidden[i] < 0) hidden[i] = 0;
    const scores = new Float32Array(classes.length);
    for (let out = 0; out < channels; out++) {
      plane.fill(0);
      for (let c = 0; c < channels; c++) addConvolved(hidden, c * area, second, (out * channels + c) * 9, plane, 0);
      let pooled = 0;
      for (let i = 0; i < area; i++) if (plane[i] > 0) pooled += plane[i];
      for (let k = 0; k < classes.length; k++) scores[k] += last[k * channels + out] * (pooled / area);
    }
    return scores.indexOf(Math.max(...scores));
  };
}

// ---- what the roles share ----

class BadRequest extends Error {}

/**
 * Upper quartile of the last 2 s of readings: steady against one bad frame, yet it tells when every third frame waits. Forgotten when
 * nothing comes for 10 s.
 */
function RecentLatency() {
  const readings = [];
  this.add = (latencyMs) => {
    readings.push({ at: performance.now(), latencyMs });
    while (readings.length > 1 && readings[0].at < performance.now() - 2000) readings.shift();
  };
  this.value = () => {
    const last = readings.at(-1);
    if (!last || last.at < performance.now() - 10_000) return null;
    const sorted = readings.map((reading) => reading.latencyMs).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.75)];
  };
}

/** The next role, wherever it is now: a connection is kept while it answers, and made anew when it is gone. */
function connectTo(name, defaultPort) {
  const upper = name.toUpperCase();
  const variable = (suffix) => {
    const key = Object.keys(process.env).find(
      (k) => k === `${upper}_SERVICE_${suffix}` || k.endsWith(`_${upper}_SERVICE_${suffix}`),
    );
    return key && process.env[key];
  };
  const host = variable('HOST') ?? name;
  const port = Number(variable('PORT') ?? defaultPort);
  log(`${name} is expected at ${host}:${port}`);
  const agent = new Agent({ keepAlive: true, maxSockets: 4, timeout: 3000 });
  return {
    /** @throws Error when it does not answer 200 within 2 s. */
    send: (path, body) =>
      new Promise((resolve, reject) => {
        const outgoing = request(
          { agent, host, port, path, method: 'POST', headers: { 'content-length': body.length }, timeout: 2000 },
          (answer) => {
            const parts = [];
            answer.on('data', (part) => parts.push(part));
            answer.on('error', reject);
            answer.on('end', () => {
              const text = Buffer.concat(parts).toString();
              if (answer.statusCode === 200) resolve(text);
              else reject(new Error(`${name} at ${host}:${port} answered ${answer.statusCode}: ${text.slice(0, 200)}`));
            });
          },
        );
        outgoing.on('timeout', () => outgoing.destroy(new Error(`${name} at ${host}:${port} did not answer within 2 s`)));
        outgoing.on('error', reject);
        outgoing.end(body);
      }),
  };
}

function serve({ gauges, routes }) {
  const server = createServer(async (incoming, outgoing) => {
    const arrivedAt = performance.now();
    const path = incoming.url.split('?')[0];
    const answer = (status, body, type = 'application/json') => {
      if (draining) outgoing.setHeader('connection', 'close');
      outgoing.writeHead(status, { 'content-type': type });
      outgoing.end(body);
    };
    try {
      const parts = [];
      for await (const part of incoming) parts.push(part);
      if (path === '/healthz') return answer(200, JSON.stringify({ ok: true, role: values.role, instance }));
      if (path === '/metrics')
        return answer(200, openMetrics(gauges()), 'application/openmetrics-text; version=1.0.0; charset=utf-8');
      const route = routes[`${incoming.method} ${path}`];
      if (!route) return answer(404, JSON.stringify({ error: 'not found' }));
      answer(200, await route(Buffer.concat(parts), arrivedAt));
    } catch (error) {
      answer(error instanceof BadRequest ? 400 : 502, JSON.stringify({ error: error.message }));
    }
  });
  server.keepAliveTimeout = 30_000;
  // On a host that shares its address among pods, the copy that is being replaced may hold the port for a moment.
  server.on('error', (error) => {
    if (error.code !== 'EADDRINUSE') throw error;
    busy(error);
    setTimeout(() => server.listen(port), 300);
  });
  const busy = limited(() => log(`port ${port} is taken, waiting for it`));
  server.listen(port, () => log(`${instance} listens on ${server.address().port}`));
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.on(signal, () => {
      draining = true;
      server.close(() => process.exit(0));
      server.closeIdleConnections();
      setTimeout(() => process.exit(0), 1500).unref();
    });
  }
}

function openMetrics(gauges) {
  const lines = [];
  for (const [name, value] of Object.entries(gauges)) {
    if (value === null || value === undefined) continue;
    lines.push(`# TYPE ${name} gauge`, `${name} ${Math.round(value * 1000) / 1000}`);
  }
  for (const [name, value] of Object.entries(metrics))
    lines.push(`# TYPE ${name.replace(/_total$/, '')} counter`, `${name} ${value}`);
  return `${lines.join('\n')}\n# EOF\n`;
}

/** Says the same kind of thing at most every 5 s: a target that is gone would fill the log. */
function limited(say) {
  let last = Number.NEGATIVE_INFINITY;
  return (...args) => {
    if (performance.now() - last < 5000) return;
    last = performance.now();
    say(...args);
  };
}
