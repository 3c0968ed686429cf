import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { NODE_FLAGS } from '../../spindle/test/support/typescript.ts'

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const main = file('../../spindle/src/cli/main.ts')
const page = readFileSync(file('../../../docs/cluster.md'), 'utf8')

/** The fenced blocks of a page with this info string. */
function blocks(info: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${info}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, text]) => text!,
  )
}

/** A folder in which packages are found, as in a project of a user. */
function project(): string {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-'))
  mkdirSync(join(folder, 'node_modules/@spindle'), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const root = file('../../..')
  for (const name of ['spindle', '@spindle/cluster', 'tsx']) {
    const own = join(root, 'node_modules', name)
    const target = existsSync(own) ? own : join(root, '../../node_modules', name)
    symlinkSync(target, join(folder, 'node_modules', name))
  }
  return folder
}

describe('docs/cluster.md', { skip: process.platform === 'win32' }, () => {
  it('has commands that work, in their order', () => {
    const folder = project()
    const spindle = [process.execPath, ...NODE_FLAGS, main].map((part) => `'${part}'`).join(' ')
    try {
      writeFileSync(join(folder, 'job.ts'), blocks('ts job.ts')[0]!)
      const commands = blocks('sh run')
      assert.ok(commands.length >= 5)
      for (const command of commands) {
        const text = command.replaceAll('npx spindle', spindle)
        const { status, stdout, stderr } = spawnSync('sh', ['-ec', text], {
          cwd: folder,
          encoding: 'utf8',
        })
        assert.equal(status, 0, `${command}\n${stdout}${stderr}`)
      }
      const manifest = JSON.parse(readFileSync(join(folder, 'out/manifest.json'), 'utf8'))
      assert.equal(manifest.count, 6)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
