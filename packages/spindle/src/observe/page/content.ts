import type { Report } from '../../engine/report/report.ts'
import type { ResourceSummary } from '../resources/meter.ts'
import type { SeriesPoint } from '../series.ts'

/** The data that the page shows. */
export interface PageContent {
  readonly title: string
  /** Name of the source's items. */
  readonly unit: string
  readonly startedAt: Date
  readonly report: Report
  /** Why the pipeline failed, if it did. */
  readonly failure: string | undefined
  readonly points: readonly SeriesPoint[]
  readonly resources: ResourceSummary
}
