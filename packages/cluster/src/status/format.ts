import { stripVTControlCharacters } from 'node:util'

/** `1,234,567`; below 10 with one decimal. */
export function countText(count: number): string {
  const rounded =
    Number.isInteger(count) || count >= 10 ? Math.round(count) : Number(count.toFixed(1))
  return rounded.toLocaleString('en-US')
}

export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let [value, unit] = [bytes, 0]
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1]
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`. */
export function durationText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** One line for a terminal: no control characters, and cut at the right. */
export function fit(line: string, columns: number): string {
  const characters = [...clean(line)]
  if (characters.length <= columns) return characters.join('')
  return `${characters.slice(0, columns - 1).join('')}…`
}

/** A text as some lines, which are indented as its first one and two columns more. */
export function wrapped(text: string, columns: number, mostLines: number): string[] {
  const indent = ' '.repeat(text.search(/\S|$/) + 2)
  const lines: string[] = []
  let line = text.slice(0, indent.length - 2)
  for (const word of clean(text).trim().split(' ')) {
    const isFull = line.trim() !== '' && line.length + 1 + word.length > columns
    if (isFull && lines.length < mostLines - 1) {
      lines.push(line)
      line = indent + word
    } else line += line.trim() === '' ? word : ` ${word}`
  }
  return [...lines, line]
}

function clean(text: string): string {
  return stripVTControlCharacters(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}
