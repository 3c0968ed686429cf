import { move } from 'spindle/worker'
import { type Fault, faultOf } from '../base/errors.ts'
import {
  decodeGroup,
  type GroupJob,
  type GroupResult,
} from '../formats/parquet/columns/decode-group.ts'

// The ops of tables that the pool's threads run.

export async function parquet(job: GroupJob): Promise<GroupResult | Fault> {
  try {
    return move(await decodeGroup(job))
  } catch (error) {
    return faultOf(error)
  }
}
