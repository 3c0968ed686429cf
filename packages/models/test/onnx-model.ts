// Writes small ONNX models byte by byte, so that the tests need no file and no tool for them.

/** A model: `y = x * 2 + sum over the last axis`-like graphs are made of nodes of these. */
export interface Node {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

export interface ValueInfo {
  readonly name: string
  /** Texts are names of free axes. */
  readonly shape: readonly (number | string)[]
  /** Default: float32. */
  readonly isInt64?: boolean
}

/** The bytes of a float32 model. `constants`: scalars by name. */
export function onnxModel(
  inputs: readonly ValueInfo[],
  outputs: readonly ValueInfo[],
  nodes: readonly Node[],
  constants: Readonly<Record<string, number>> = {},
): Uint8Array {
  const graph = message(
    ...nodes.map(({ op, inputs: ins, outputs: outs }) =>
      field(
        1,
        message(
          ...ins.map((name) => field(1, text(name))),
          ...outs.map((name) => field(2, text(name))),
          field(4, text(op)),
        ),
      ),
    ),
    field(2, text('graph')),
    ...Object.entries(constants).map(([name, value]) => field(5, scalar(name, value))),
    ...inputs.map((info) => field(11, valueInfo(info))),
    ...outputs.map((info) => field(12, valueInfo(info))),
  )
  const opset = message(varintField(2, 13))
  return new Uint8Array(message(varintField(1, 8), field(7, graph), field(8, opset)))
}

const FLOAT = 1
const INT64 = 7

function valueInfo({ name, shape, isInt64 }: ValueInfo): Buffer {
  const dims = shape.map((side) =>
    field(
      1,
      typeof side === 'number' ? message(varintField(1, side)) : message(field(2, text(side))),
    ),
  )
  const tensor = message(
    varintField(1, isInt64 === true ? INT64 : FLOAT),
    field(2, message(...dims)),
  )
  return message(field(1, text(name)), field(2, message(field(1, tensor))))
}

function scalar(name: string, value: number): Buffer {
  const raw = Buffer.from(Float32Array.of(value).buffer)
  return message(varintField(2, FLOAT), field(8, text(name)), field(9, raw))
}

function message(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat(parts)
}

function text(value: string): Buffer {
  return Buffer.from(value, 'utf8')
}

function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes])
}

function varintField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number << 3), varint(value)])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) | 128)
  }
}
