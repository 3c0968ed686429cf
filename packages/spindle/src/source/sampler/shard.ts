import { badOption, checkInteger } from '../../check.ts'
import type { Shard } from '../seek/source-types.ts'

/** @throws `ERR_BAD_OPTION` unless 0 <= `rank` < `worldSize` */
export function checkShard({ rank, worldSize }: Shard): void {
  checkInteger('worldSize', worldSize, 1)
  checkInteger('rank', rank, 0)
  if (rank >= worldSize) badOption('rank', `less than \`worldSize\`, which is ${worldSize}`, rank)
}
