import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  fromFiles,
  fromImageNet,
  ImageFolder,
  imageNetLabels,
  imageNetSynsets,
  listFiles,
  parseWnid,
  shuffled,
  split,
} from 'spindle/source'
import { range } from '../support/sources.ts'

let root = ''
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'spindle-files-'))
  for (const path of [
    'cat/2.jpg',
    'cat/10.JPG',
    'cat/deep/3.png',
    'cat/note.txt',
    'cat/.hidden/4.jpg',
    'dog/1.jpeg',
    'dog/[1].jpg',
    'top.jpg',
  ])
    await touch(join(root, 'animals', path))
  for (const path of [
    'val/n02110958/a.JPEG',
    'val/n01440764/b.JPEG',
    'val/n15075141/c.JPEG',
    'train/n02110958/d.JPEG',
    'train/n02110958/e.JPEG',
  ])
    await touch(join(root, 'imagenet', path))
})
after(() => rm(root, { recursive: true, force: true }))

async function touch(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, '')
}

async function names(options: Parameters<typeof listFiles>[1]): Promise<string[]> {
  const folder = join(root, 'animals')
  const found: string[] = []
  for await (const path of listFiles(folder, options)) found.push(path.slice(folder.length + 1))
  return found
}

describe('listFiles', () => {
  it('gives the files that match a pattern, sorted', async () => {
    assert.deepEqual(await names({ match: '*.jpg' }), ['top.jpg'])
    assert.deepEqual(await names({ match: '**/*.jpg' }), ['cat/2.jpg', 'dog/[1].jpg', 'top.jpg'])
    assert.deepEqual(await names({ match: 'cat/**' }), [
      'cat/10.JPG',
      'cat/2.jpg',
      'cat/deep/3.png',
      'cat/note.txt',
    ])
    assert.deepEqual(await names({ match: '{cat,dog}/?.{jpg,jpeg}' }), ['cat/2.jpg', 'dog/1.jpeg'])
    assert.deepEqual(await names({ match: ['*/[0-9].*', '**/deep/*'] }), [
      'cat/2.jpg',
      'cat/deep/3.png',
      'dog/1.jpeg',
    ])
    assert.deepEqual(await names({ match: '*/[!0-9]*' }), ['cat/note.txt', 'dog/[1].jpg'])
    assert.deepEqual(await names({ match: 'dog/\\[1\\].jpg' }), ['dog/[1].jpg'])
    assert.deepEqual(await names({ match: '**', extensions: ['png'] }), ['cat/deep/3.png'])
    assert.deepEqual(await names({ match: '**/*.jpg', recursive: false }), ['top.jpg'])
  })

  it('refuses patterns that make no sense', async () => {
    for (const match of ['{a,b', '[a', '', 5]) {
      await assert.rejects(names({ match: match as string }), {
        code: 'ERR_BAD_OPTION',
        message: /`match`/,
      })
    }
  })

  it('gives them as the file system has them, from the first on, and overlapping calls', async () => {
    const sorted = await names({ match: '**' })
    assert.deepEqual((await names({ match: '**', order: 'directory' })).sort(), sorted)
    const many = join(root, 'many')
    await mkdir(join(many, 'a/b'), { recursive: true })
    await Promise.all(
      range(2500).map((n) =>
        writeFile(join(many, n % 3 === 0 ? 'a' : n % 3 === 1 ? 'a/b' : '.', `${n}`), ''),
      ),
    )
    await symlink('1', join(many, 'link'))
    await symlink('a', join(many, 'folder'))
    const found = new Map<string | undefined, Set<string>>()
    for (const order of ['sorted', 'directory'] as const) {
      const iterator = listFiles(many, { recursive: true, order })[Symbol.asyncIterator]()
      const paths = new Set<string>()
      for (let isDone = false; !isDone; ) {
        const steps = await Promise.all([iterator.next(), iterator.next(), iterator.next()])
        for (const { value } of steps) if (value !== undefined) paths.add(value)
        isDone = steps.some(({ done }) => done)
      }
      found.set(order, paths)
      assert.deepEqual(await iterator.next(), { done: true, value: undefined })
    }
    assert.equal(found.get('sorted')?.size, 2501)
    assert.deepEqual(found.get('directory'), found.get('sorted'))
    const left = listFiles(many, { recursive: true, order: 'directory' })[Symbol.asyncIterator]()
    await left.next()
    await left.return?.()
    assert.deepEqual(await left.next(), { done: true, value: undefined })
    await assert.rejects(fromFiles(many, { order: 'directory' } as object), {
      code: 'ERR_BAD_OPTION',
      message: /`order` must be left out/,
    })
  })

  it('twice gives the same, and a seekable source of it any order', async () => {
    const files = await fromFiles(join(root, 'animals'), { recursive: true, extensions: ['jpg'] })
    assert.equal(files.size, 4)
    assert.deepEqual([...files], [...files])
    const order = [...shuffled(files, { seed: 1 })]
    assert.deepEqual(order.toSorted(), [...files].toSorted())
    assert.deepEqual([...files.iterateFrom(3, 0)], [...files].slice(3))
    const again = await fromFiles(`${join(root, 'animals')}/`, {
      recursive: true,
      extensions: ['jpg'],
    })
    assert.deepEqual(again.description, files.description)
    const fewer = await fromFiles(join(root, 'animals'), { extensions: ['jpg'] })
    assert.notDeepEqual(fewer.description, files.description)
  })
})

describe('ImageFolder', () => {
  it('has the classes that folders are, and their files', async () => {
    const opened = await ImageFolder.open(join(root, 'animals'))
    assert.deepEqual(opened.classes, ['cat', 'dog'])
    assert.deepEqual(
      [...opened].map(({ path, label, className }) => [
        path.slice(root.length + 9),
        label,
        className,
      ]),
      [
        ['cat/10.JPG', 0, 'cat'],
        ['cat/2.jpg', 0, 'cat'],
        ['cat/deep/3.png', 0, 'cat'],
        ['dog/1.jpeg', 1, 'dog'],
        ['dog/[1].jpg', 1, 'dog'],
      ],
    )
    const made = new ImageFolder(join(root, 'animals'))
    assert.deepEqual([...made], [...opened])
    assert.deepEqual(made.description, opened.description)
    assert.equal(made.length, 5)
  })

  it('is shuffled and split as arrays are', async () => {
    const folder = await ImageFolder.open(join(root, 'animals'))
    const shard = { rank: 1, worldSize: 2 }
    assert.deepEqual(
      [...split(shuffled(folder, { seed: 3 }), shard)],
      [...split(shuffled([...folder], { seed: 3 }), shard)],
    )
  })

  it('refuses a folder without classes, and classes without files unless told', async () => {
    const empty = { code: 'ERR_BAD_SOURCE', message: /1 folders of .* have no files.*: dog/ }
    const options = { extensions: ['png'] }
    await assert.rejects(ImageFolder.open(join(root, 'animals'), options), empty)
    assert.throws(() => new ImageFolder(join(root, 'animals'), options), empty)
    const folder = await ImageFolder.open(join(root, 'animals'), { ...options, allowEmpty: true })
    assert.deepEqual([folder.classes, folder.size], [['cat', 'dog'], 1])
    await assert.rejects(ImageFolder.open(join(root, 'animals/cat/deep')), {
      code: 'ERR_BAD_SOURCE',
      message: /no folders/,
    })
    await assert.rejects(ImageFolder.open(join(root, 'nowhere')), { code: 'ENOENT' })
    await assert.rejects(ImageFolder.open(root, { extensions: [] }), {
      code: 'ERR_BAD_OPTION',
      message: /`extensions`/,
    })
  })
})

describe('ImageNet', () => {
  it('has its 1000 classes', () => {
    assert.equal(new Set(imageNetSynsets()).size, 1000)
    assert.equal(new Set(imageNetLabels()).size >= 998, true)
    assert.equal(imageNetLabels().length, 1000)
    const known: Record<string, number> = {
      n01440764: 0,
      n02027492: 140,
      n02066245: 147,
      n02071294: 148,
      n02088632: 164,
      n02110958: 254,
      n02277742: 322,
      n02965783: 475,
      n03240683: 540,
      n03709823: 636,
      n15075141: 999,
    }
    for (const [wnid, label] of Object.entries(known))
      assert.equal(imageNetSynsets().indexOf(wnid), label)
    assert.equal(imageNetLabels()[0], 'tench, Tinca tinca')
    assert.match(imageNetLabels()[999]!, /toilet tissue/)
  })

  it('gives images with their labels, by split', async () => {
    const val = await fromImageNet(join(root, 'imagenet'))
    assert.deepEqual(
      [...val].map(({ label, wnid }) => [label, wnid]),
      [
        [0, 'n01440764'],
        [254, 'n02110958'],
        [999, 'n15075141'],
      ],
    )
    const train = await fromImageNet(join(root, 'imagenet'), { split: 'train' })
    assert.deepEqual(
      [...train].map(({ name }) => name),
      ['pug, pug-dog', 'pug, pug-dog'],
    )
    assert.notDeepEqual(train.description, val.description)
    assert.notDeepEqual(
      [0, 1, 2, 3, 4].map((seed) => [...shuffled(val, { seed })].map(({ label }) => label).join()),
      Array(5).fill('0,254,999'),
    )
  })

  it('refuses folders that are none of its classes', async () => {
    await touch(join(root, 'other/val/n00000001/x.JPEG'))
    await assert.rejects(fromImageNet(join(root, 'other')), {
      code: 'ERR_BAD_SOURCE',
      message: /n00000001 is not one of the 1000/,
    })
  })

  it('finds the id in a path', () => {
    assert.equal(parseWnid('/data/n02110958/x_1.JPEG'), 'n02110958')
    assert.throws(() => parseWnid('/data/cat/1.jpg'), { code: 'ERR_BAD_OPTION' })
  })
})
