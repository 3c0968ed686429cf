// A network between workers and a server that can be cut: a proxy that forwards bytes until it is
// told to keep them back, or to close all connections.
import { connect, createServer } from 'node:net'

export class BrokenNetwork {
  #pairs = new Set()
  #isCut = false

  /** Starts to forward to a port of this machine, and gives the port of the proxy. */
  async listen(target) {
    this.server = createServer((near) => {
      const far = connect(target, '127.0.0.1')
      const pair = [near, far]
      this.#pairs.add(pair)
      const end = () => {
        this.#pairs.delete(pair)
        near.destroy()
        far.destroy()
      }
      for (const [from, to] of [pair, [far, near]]) {
        from.on('data', (bytes) => to.write(bytes)).on('error', end)
        from.on('close', end)
      }
      if (this.#isCut) for (const socket of pair) socket.pause()
    })
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    return this.server.address().port
  }

  /** Nothing passes, and no connection says so, as when a cable is pulled. */
  cut() {
    this.#isCut = true
    for (const pair of this.#pairs) for (const socket of pair) socket.pause()
  }

  mend() {
    this.#isCut = false
    for (const pair of this.#pairs) for (const socket of pair) socket.resume()
  }

  /** Closes all connections, as a switch that restarts. */
  reset() {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy()
  }

  close() {
    this.reset()
    this.server.close()
  }
}
