// A neighbour that computes all the time.
process.on('disconnect', () => process.exit())
const spin = () => {
  const end = performance.now() + 20
  while (performance.now() < end);
  setImmediate(spin)
}
spin()
