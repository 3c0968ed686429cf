import type { Report } from '../../engine/report/report.ts'
import type { ResourceSummary } from '../resources/meter.ts'
import type { SeriesPoint } from '../series.ts'

/** What the page tells of. */
export interface PageContent {
  readonly title: string
  /** What the source's items are called. */
  readonly unit: string
  readonly startedAt: Date
  readonly report: Report
  /** Why the pipeline failed, if it did. */
  readonly failure: string | undefined
  readonly points: readonly SeriesPoint[]
  readonly resources: ResourceSummary
}
