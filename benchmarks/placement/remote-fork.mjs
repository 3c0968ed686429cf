// The rival of processes: child_process.fork with advanced serialisation, as many items ahead as
// Spindle has.
const [bytes, count, ahead] = process.argv.slice(2).map(Number)
const made = Array.from({ length: bytes > 1e6 ? 4 : 64 }, () => new Uint8Array(bytes).fill(7))
let sent = 0
process.on('message', (taken) => {
  for (; sent < count && sent - taken < ahead; sent++) process.send(made[sent % made.length])
})
