// The names of a ledger's entries:
//   epoch.json                    the epoch
//   shards-<id>/<chunk>.json      shards of the manifest, CHUNK_SIZE in each
//   log/<chunk>/<key>.<number>    entries of one shard; the newest says how the shard is
//   done/<chunk>.json             results of a chunk whose shards are all done or dead
//   claims/<chunk>                a worker has begun with the chunk: a hint that spreads workers
//   wanted/<chunk>/<key>.<fence>.<parts>  a request to split a shard: a hint
//   workers/<id>.json             report of a worker, overwritten by each renewal

/** Shards in a chunk. One listing shows a chunk, and a worker knows one chunk at a time. */
export const CHUNK_SIZE = 256

export const EPOCH = 'epoch.json'
export const DONE = 'done/'
export const CLAIMS = 'claims/'
export const WORKERS = 'workers/'

/** Key of a shard of the manifest. A part of it has `+1`, `+2` behind it. */
export function keyOf(index: number): string {
  return String(index).padStart(8, '0')
}

/** Position in the manifest of a shard or a part of one. */
export function indexOf(key: string): number {
  return Number.parseInt(key, 10)
}

export function chunkOf(index: number): number {
  return Math.floor(index / CHUNK_SIZE)
}

export function chunkCount(shardCount: number): number {
  return Math.ceil(shardCount / CHUNK_SIZE)
}

function padded(chunk: number): string {
  return String(chunk).padStart(6, '0')
}

export function manifestName(id: string, chunk: number): string {
  return `shards-${id.slice(0, 16)}/${padded(chunk)}.json`
}

export function logFolder(chunk: number): string {
  return `log/${padded(chunk)}/`
}

export function entryName(key: string, number: number): string {
  return `${logFolder(chunkOf(indexOf(key)))}${key}.${String(number).padStart(6, '0')}`
}

/** Each split answers the requests before it, so the number of parts belongs to the name. */
export function wantedName(key: string, fence: number, parts: number): string {
  return `wanted/${padded(chunkOf(indexOf(key)))}/${key}.${fence}.${parts}`
}

export function doneName(chunk: number): string {
  return `${DONE}${padded(chunk)}.json`
}

export function claimName(chunk: number): string {
  return `${CLAIMS}${padded(chunk)}`
}

export function workerName(worker: string): string {
  return `${WORKERS}${worker}.json`
}

/** The chunk in a name of `done/` or `claims/`; -1 for other names. */
export function chunkIn(name: string): number {
  return Number(/\/(\d+)(?:\.json)?$/.exec(name)?.[1] ?? -1)
}

/** Key and number in the name of an entry. */
export function entryIn(name: string): { key: string; number: number } | undefined {
  const found = /\/([\d+]+)\.(\d+)$/.exec(name)
  return found === null ? undefined : { key: found[1]!, number: Number(found[2]) }
}
