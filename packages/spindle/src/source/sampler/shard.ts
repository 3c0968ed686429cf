import { badOption } from '../../check.ts'
import { integer, options, type Rules } from '../../options/index.ts'
import type { Shard } from '../seek/source-types.ts'

const shardOptions = options('Shard', {
  rank: integer({ min: 0, required: true }),
  worldSize: integer({ min: 1, required: true }),
} satisfies Rules<Shard>)

/** @throws `ERR_BAD_OPTION` unless 0 <= `rank` < `worldSize` */
export function checkShard(shard: Shard): void {
  const { rank, worldSize } = shardOptions.check(shard)
  if (rank >= worldSize) badOption('rank', `less than \`worldSize\`, which is ${worldSize}`, rank)
}
