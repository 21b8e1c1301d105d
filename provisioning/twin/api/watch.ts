import type { ServerResponse } from 'node:http';
import type { Clock } from '../../../agents/clock.ts';
import type { StoredObject } from './objects.ts';
import { ApiError } from './objects.ts';
import { groupVersion } from './resources.ts';
import { nameOf, type ObjectStore, type WatchEvent } from './store.ts';
import { tableOf } from './table.ts';
import { type Call, selectorOf } from './verbs.ts';

/** A bookmark tells a quiet watch how far it has come. */
const bookmarkMs = 30_000;
/** A client that asks for no end gets one anyway, and watches again from where it was. */
const longestS = 3600;

/** Streams changes as JSON lines until the client goes, or its time is over. */
export function streamWatch(store: ObjectStore, call: Call, response: ServerResponse, clock: Clock, asTable: boolean): void {
  const { query, resource, target } = call;
  const matches = selectorOf(call);
  const inScope = (object: StoredObject) => target.namespace === undefined || object.metadata.namespace === target.namespace;
  let headersSent = false;
  const body = (object: StoredObject) => {
    if (!asTable) return object;
    const table = tableOf(resource, [object], Number(object.metadata.resourceVersion), clock.now(), !headersSent);
    headersSent = true;
    return table;
  };
  const send = (type: string, object: unknown) => response.write(`${JSON.stringify({ type, object })}\n`);

  // An object that a change moves into or out of the selection is added to or deleted from this watch.
  const pass = (event: WatchEvent) => {
    if (!inScope(event.object)) return;
    const now = event.type !== 'DELETED' && matches(event.object);
    const before = event.before !== null && matches(event.before);
    if (event.type === 'DELETED' ? before : !now && before) send('DELETED', body(event.object));
    else if (now) send(before ? 'MODIFIED' : 'ADDED', body(event.object));
  };

  const since = query.get('resourceVersion');
  response.writeHead(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
  response.flushHeaders();
  let watch: { close(): void };
  try {
    if (since === null || since === '' || since === '0') {
      for (const object of store.list(nameOf(resource), target.namespace)) if (matches(object)) send('ADDED', body(object));
      watch = store.watch(nameOf(resource), pass);
    } else watch = store.watch(nameOf(resource), pass, Number(since));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    send('ERROR', error.status);
    response.end();
    return;
  }
  const bookmarks = query.get('allowWatchBookmarks') === 'true' && !asTable;
  const bookmark = setInterval(() => {
    if (!bookmarks) return;
    const metadata = { resourceVersion: String(store.version), creationTimestamp: null };
    send('BOOKMARK', { kind: resource.kind, apiVersion: groupVersion(resource), metadata });
  }, bookmarkMs);
  const seconds = Math.min(Number(query.get('timeoutSeconds') ?? longestS) || longestS, longestS);
  // Closed before the response ends: a change that came between the end and its 'close' would be written after the end.
  const stop = () => {
    clearInterval(bookmark);
    clearTimeout(end);
    watch.close();
  };
  const end = setTimeout(() => {
    stop();
    response.end();
  }, seconds * 1000);
  response.on('close', stop);
}
