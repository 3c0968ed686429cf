import { bullOnPostgres, bullOnRedis } from '../bullmq/bull-classes.ts'
import { BullQueue } from '../bullmq/bull-queue.ts'
import type { Ledger } from '../contract/ledger.ts'
import { QueuedLedger } from '../engines/queued-ledger.ts'
import { serverPlace } from '../engines/server-url.ts'
import { NatsConnection } from '../nats/nats-connection.ts'
import { NatsEntries } from '../nats/nats-entries.ts'
import { NatsQueue } from '../nats/nats-queue.ts'
import { connectPostgres, PostgresEntries } from '../postgres/postgres-entries.ts'
import { connectRedis, RedisEntries } from '../redis/redis-entries.ts'

const OPENERS: Readonly<Record<string, (url: string) => Promise<Ledger>>> = {
  'redis:': openRedis,
  'rediss:': openRedis,
  'postgres:': openPostgres,
  'postgresql:': openPostgres,
  'nats:': openNats,
}

/** Whether {@link openServerLedger} knows the scheme of a URL. */
export function isServerUrl(url: string): boolean {
  return schemeOf(url) in OPENERS
}

/**
 * Opens a ledger on a server: `redis://`, `rediss://` (BullMQ on Redis or Valkey), `postgres://`
 * (BullMQ on PostgreSQL) or `nats://` (JetStream). `?ledger=name` tells ledgers of one server
 * apart.
 *
 * @throws `ERR_BAD_OPTION`; `ERR_BACKEND_MISSING` if a client is not installed
 */
export async function openServerLedger(url: string): Promise<Ledger> {
  return await OPENERS[schemeOf(url)]!(url)
}

async function openRedis(url: string): Promise<Ledger> {
  const place = serverPlace(url)
  const entries = new RedisEntries(await connectRedis(place), place)
  return new QueuedLedger(entries, new BullQueue(place.name, bullOnRedis(place)))
}

async function openPostgres(url: string): Promise<Ledger> {
  const place = serverPlace(url)
  const entries = new PostgresEntries(await connectPostgres(place), place)
  return new QueuedLedger(entries, new BullQueue(place.name, bullOnPostgres(place)))
}

async function openNats(url: string): Promise<Ledger> {
  const connection = new NatsConnection(serverPlace(url))
  return new QueuedLedger(new NatsEntries(connection), new NatsQueue(connection))
}

function schemeOf(url: string): string {
  return /^[a-z]+:/.exec(url)?.[0] ?? ''
}
