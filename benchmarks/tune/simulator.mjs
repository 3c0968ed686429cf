// A discrete-event simulation of a pipeline: the engine's rules for slots, queues and order; cores
// that are shared; servers that refuse. It knows nothing of the tuner: it runs, can be told other
// bounds, and gives the sums that the engine gives.

/** Events in the order of their times. */
class Heap {
  #items = []

  get size() {
    return this.#items.length
  }

  get first() {
    return this.#items[0]
  }

  push(at, value) {
    const items = this.#items
    items.push({ at, value })
    let i = items.length - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (items[parent].at <= items[i].at) break
      ;[items[parent], items[i]] = [items[i], items[parent]]
      i = parent
    }
  }

  pop() {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (items.length === 0) return top
    items[0] = last
    let i = 0
    for (;;) {
      const left = 2 * i + 1
      if (left >= items.length) break
      const child = left + 1 < items.length && items[left + 1].at < items[left].at ? left + 1 : left
      if (items[i].at <= items[child].at) break
      ;[items[child], items[i]] = [items[i], items[child]]
      i = child
    }
    return top
  }
}

/** Random numbers from a seed (mulberry32). */
export function random(seed) {
  let state = (seed * 2654435761) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** A normal deviate. */
export function normal(rng) {
  return Math.sqrt(-2 * Math.log(1 - rng())) * Math.cos(2 * Math.PI * rng())
}

/** A number over time, summed up. */
class Sum {
  level = 0
  sum = 0
  since = 0

  set(level, now) {
    this.sum += this.level * (now - this.since)
    this.level = level
    this.since = now
  }

  read(now) {
    return this.sum + this.level * (now - this.since)
  }
}

/**
 * Cores that the tasks at work share equally, each at most one. The virtual time is the work that a
 * task which is always there has got: so a task's end does not depend on how many others come and
 * go.
 */
export class Cores {
  used = new Sum()
  /** Cores that others have taken. */
  taken = new Sum()
  #sim
  #rateOf
  #heap = new Heap()
  #virtual = 0
  #since = 0
  #ticket = 0

  /** `rateOf`: work done in a millisecond by so many tasks together. Default: what the cores do. */
  constructor(sim, count, rateOf = (tasks) => Math.min(tasks, this.count)) {
    this.#sim = sim
    this.count = count
    this.#rateOf = rateOf
  }

  get #speed() {
    const { size } = this.#heap
    return size === 0 ? 0 : this.#rateOf(size) / size
  }

  #advance() {
    this.#virtual += (this.#sim.now - this.#since) * this.#speed
    this.#since = this.#sim.now
  }

  #plan() {
    const ticket = ++this.#ticket
    this.used.set(Math.min(this.count, this.#heap.size), this.#sim.now)
    if (this.#heap.size === 0) return
    this.#sim.after(Math.max(0, this.#heap.first.at - this.#virtual) / this.#speed, () => {
      if (ticket !== this.#ticket) return
      this.#advance()
      const { value } = this.#heap.pop()
      this.#plan()
      value()
    })
  }

  run(ms, done) {
    this.#advance()
    this.#heap.push(this.#virtual + ms, done)
    this.#plan()
  }

  /** Others take so many. */
  take(count) {
    this.#advance()
    this.count += this.taken.level - count
    this.taken.set(count, this.#sim.now)
    this.#plan()
  }
}

/** One stage, with its exit queue. */
class Stage {
  running = 0
  held = 0
  queued = 0
  tasks = 0
  retries = 0
  timed = 0
  emitted = 0
  timedMs = 0
  alive = 0
  busy = new Sum()
  blocked = new Sum()
  slots = new Sum()
  empty = new Sum()
  full = new Sum()
  backoff = new Sum()
  #sim
  #window = []
  #isPumping = false
  #parked = []
  #times = new Array(200).fill(0)

  constructor(sim, index, model) {
    this.#sim = sim
    this.index = index
    this.model = model
    this.concurrency = model.concurrency ?? 1
    this.buffer = model.buffer ?? 2
    this.slots.set(this.concurrency, 0)
    this.empty.set(1, 0)
  }

  /** Of the last calls, what one in a hundred takes longer than. */
  get slowMs() {
    const times = this.#times.slice().sort((a, b) => b - a)
    return times[Math.ceil(Math.min(this.timed, times.length) / 100)] ?? 0
  }

  get before() {
    return this.#sim.stages[this.index - 1]
  }

  resize(concurrency) {
    this.concurrency = concurrency
    this.slots.set(concurrency, this.#sim.now)
    this.pump()
  }

  resizeBuffer(buffer) {
    this.buffer = buffer
    this.changed()
    this.roomMade()
  }

  changed() {
    const { now } = this.#sim
    this.busy.set(this.running, now)
    this.blocked.set(Math.max(0, this.held + this.queued - this.buffer), now)
    this.empty.set(this.queued === 0 ? 1 : 0, now)
    this.full.set(this.queued >= this.buffer ? 1 : 0, now)
  }

  get canStart() {
    return (
      this.running < this.concurrency &&
      this.running + this.held + this.queued < this.concurrency + this.buffer
    )
  }

  pump() {
    if (this.#isPumping) return
    this.#isPumping = true
    while (this.canStart && (this.before === undefined || this.before.queued > 0)) {
      if (this.before !== undefined) {
        this.before.queued--
        this.before.changed()
        this.before.alive--
      }
      this.begin()
      this.before?.roomMade()
    }
    this.#isPumping = false
  }

  roomMade() {
    const parked = this.#parked
    this.#parked = []
    for (const go of parked) go()
    this.pump()
  }

  begin() {
    this.running++
    this.tasks++
    this.alive++
    this.changed()
    const place = { isDone: false }
    if (this.model.order === 'input') this.#window.push(place)
    const beganAt = this.#sim.now
    this.model.call(this.#sim, this, () => {
      this.timed++
      this.timedMs += this.#sim.now - beganAt
      this.#times[this.timed % this.#times.length] = this.#sim.now - beganAt
      if (this.model.fanOut !== undefined) this.expand(this.model.fanOut)
      else this.finished(place)
    })
  }

  /** A generator's outputs, each as soon as it has a place; the slot is free after the last. */
  expand(left) {
    while (
      left > 0 &&
      Math.min(this.running, this.concurrency) + this.queued <= this.concurrency + this.buffer
    ) {
      left--
      this.alive++
      this.put()
    }
    if (left > 0) {
      this.#parked.push(() => this.expand(left))
      return
    }
    this.running--
    this.alive--
    this.changed()
    this.pump()
  }

  finished(place) {
    this.running--
    if (this.model.order !== 'input') this.put()
    else {
      this.held++
      place.isDone = true
      while (this.#window[0]?.isDone === true) {
        this.#window.shift()
        this.held--
        this.put()
      }
    }
    this.changed()
    this.pump()
  }

  put() {
    this.queued++
    this.emitted++
    this.changed()
    this.#sim.next(this.index)
  }
}

/**
 * @param {{ stages: object[], cores?: number, consumerMs: number | ((sim) => number), seed: number,
 *   itemBytes?: number }} model
 */
export class Simulation {
  now = 0
  items = 0
  #events = new Heap()
  #waiting = new Sum()
  #isBusy = false
  #model

  constructor(model) {
    this.#model = model
    this.rng = random(model.seed)
    this.cores = new Cores(this, model.cores ?? 2)
    this.stages = model.stages.map((stage, i) => new Stage(this, i, stage))
    this.#waiting.set(1, 0)
    model.begin?.(this)
    this.after(0, () => {
      for (const stage of this.stages) stage.pump()
    })
  }

  after(ms, go) {
    this.#events.push(this.now + ms, go)
  }

  /** A time of mean `ms` that varies by `spread` of it. */
  vary(ms, spread = 0.2) {
    return ms * Math.max(0.1, 1 + spread * normal(this.rng))
  }

  next(index) {
    const stage = this.stages[index + 1]
    if (stage !== undefined) stage.pump()
    else this.#consume()
  }

  #consume() {
    const last = this.stages.at(-1)
    if (this.#isBusy || last.queued === 0) return
    last.queued--
    last.alive--
    last.changed()
    this.items++
    this.#isBusy = true
    this.#waiting.set(0, this.now)
    last.roomMade()
    const { consumerMs } = this.#model
    this.after(typeof consumerMs === 'function' ? consumerMs(this) : consumerMs, () => {
      this.#isBusy = false
      this.#waiting.set(1, this.now)
      this.#consume()
    })
  }

  runUntil(ms) {
    while (this.#events.size > 0 && this.#events.first.at <= ms) {
      const { at, value } = this.#events.pop()
      this.now = at
      value()
    }
    this.now = ms
  }

  get memoryBytes() {
    return (this.#model.itemBytes ?? 0) * this.stages.reduce((sum, { alive }) => sum + alive, 0)
  }

  /** The sums that a tuner is given. */
  sample() {
    const { now } = this
    return {
      atMs: now,
      items: this.items,
      waitMs: this.#waiting.read(now),
      cpuMs: this.cores.used.read(now),
      othersMs: this.cores.taken.read(now),
      cores: this.#model.cores ?? 2,
      memoryBytes: this.memoryBytes,
      loopDelayMs: 0,
      units: this.stages.map((stage) => ({
        tasks: stage.tasks,
        busyMs: stage.busy.read(now),
        queuedMs: 0,
        blockedMs: stage.blocked.read(now),
        slotMs: stage.slots.read(now),
        troubles: stage.retries,
        timed: stage.timed,
        timedMs: stage.timedMs,
        slowMs: stage.slowMs,
        emitted: stage.emitted,
        loopMs: 0,
        running: stage.running,
        waiting: stage.held + stage.queued,
        emptyMs: stage.empty.read(now),
        fullMs: stage.full.read(now),
        itemBytes: this.#model.itemBytes ?? 0,
      })),
    }
  }
}
