import { callsOf, inPiscina, inPool, oneThread } from '../measure.mjs'

export const title = 'One small call after the other'
export const unit = 'us a call'

const itemOf = (id) => ({ id, path: 'a', label: 1 })

export const contestants = {
  pool: (scale) => callsOf(inPool(oneThread(), 'small'), itemOf, 5000 * scale, 1),
  piscina: (scale) => callsOf(inPiscina('small'), itemOf, 5000 * scale, 1),
}

export const targets = [{ of: 'pool', against: 'piscina', atMost: 0.7 }]
