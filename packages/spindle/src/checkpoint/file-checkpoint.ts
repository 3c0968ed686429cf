import { badOption, checkFunction, checkOptions } from '../check.ts'
import { InfrastructureError, messageOf, SpindleError } from '../errors.ts'
import { brokenCheckpoint, takeState } from './checkpoint-state.ts'
import { bytesOf, checkData, type FileData, Gathered } from './file-data.ts'
import { call, type FileWork, makeFile, run, runSync } from './file-work.ts'
import { checkFolder, checkName } from './names.ts'
import { OutputFolder, type UnplacedFile } from './output-folder.ts'
import { StagedNames } from './staged-names.ts'

/** Options of {@link FileCheckpoint.open}. */
export interface FileCheckpointOptions {
  /**
   * The name of each part, a path relative to the folder: a function of its number (0, 1, 2, …),
   * always the same, and different for different numbers. Default `part-00000000`, with eight
   * digits or more.
   */
  readonly partName?: (part: number) => string
}

interface StagedFile {
  readonly temp: string
  readonly name: string
  /** While it is being written. */
  filling: Promise<void> | undefined
}

/**
 * A folder whose files and the state of the pipeline that makes them are committed together: after
 * a crash at any point, a power cut included, the folder holds what the state says is done, and
 * nothing else. So with a pipeline that is resumed from `state`, every item is in the output once.
 *
 * `write()` appends to the current part, one file for each commit; `writeFile()` makes a file by
 * name. Neither is to be seen until `commit()` has put everything in its place at once: under its
 * own name, a file is complete, on the disk, and committed. What was not committed is removed at
 * the next `open()`.
 *
 * Calls may overlap: what was called before `commit()` belongs to it. The forms ending in `Sync`
 * are for consumers that hold the loop; they throw `ERR_CHECKPOINT_BUSY` while a promise of the
 * others is unsettled. A folder has one writer: the one that opened it last. When a write or a
 * commit has failed, all further ones fail (`ERR_CHECKPOINT_BROKEN`): open anew and build from
 * `state`.
 *
 * @example
 * ```ts
 * const output = await FileCheckpoint.open<PipelineState>('embeddings', { partName: (n) => `part-${n}.jsonl` })
 * const pipeline = builder.build({ resumable: true, ...(output.state && { state: output.state }) })
 * for await (const batch of pipeline) {
 *   await output.write(batch.map((row) => `${JSON.stringify(row)}\n`).join(''))
 *   pipeline.commit(batch)
 *   await output.commit(() => pipeline.state())
 * }
 * await output.commit(() => pipeline.state())
 * await output.close()
 * ```
 */
export class FileCheckpoint<S extends object> implements AsyncDisposable {
  readonly #folder: OutputFolder
  readonly #gathered: Gathered = new Gathered()
  #files: StagedFile[] = []
  /** Of the files of the next commit. */
  #names: StagedNames
  /** Settles, never rejects, when all that was called before is done. */
  #tail: Promise<void> = Promise.resolve()
  #unsettled = 0
  #fault: { readonly cause: unknown } | undefined
  #isClosed = false

  private constructor(folder: OutputFolder) {
    this.#folder = folder
    this.#names = new StagedNames(folder.isCaseBlind)
  }

  /**
   * Opens a folder, made if it is missing, and cleans up after a run that ended anyhow.
   *
   * @throws `ERR_BAD_CHECKPOINT` if what is there is damaged, or is no output of this kind;
   *   `ERR_CHECKPOINT_WRITE` if the file system refuses
   */
  static async open<S extends object>(
    directory: string | URL,
    options: FileCheckpointOptions = {},
  ): Promise<FileCheckpoint<S>> {
    const { path, partName } = checkArguments(directory, options)
    try {
      return new FileCheckpoint<S>(await run(OutputFolder.open(path, partName)))
    } catch (error) {
      throw writeFault(path, error)
    }
  }

  /** {@link FileCheckpoint.open}, done when it returns. */
  static openSync<S extends object>(
    directory: string | URL,
    options: FileCheckpointOptions = {},
  ): FileCheckpoint<S> {
    const { path, partName } = checkArguments(directory, options)
    try {
      return new FileCheckpoint<S>(runSync(OutputFolder.open(path, partName)))
    } catch (error) {
      throw writeFault(path, error)
    }
  }

  /** The folder. */
  get directory(): string {
    return this.#folder.path
  }

  /** What the last commit said is done; `undefined` before the first. */
  get state(): S | undefined {
    return this.#folder.state as S | undefined
  }

  /** Commits so far, those of earlier runs included. */
  get commits(): number {
    return this.#folder.commits
  }

  /** Parts so far, those of earlier runs included. */
  get parts(): number {
    return this.#folder.parts
  }

  /**
   * Files that earlier runs have committed and that cannot get their names, because the file system
   * refuses them or something is in their way. They are kept, complete, and each `open()` tries
   * again.
   */
  get unplaced(): readonly UnplacedFile[] {
    return this.#folder.unplaced
  }

  /**
   * Appends to the current part. Little data is copied and gathered, up to 64 KiB; wait for the
   * promise before overwriting the bytes, and so as not to be faster than the disk.
   */
  async write(data: FileData): Promise<void> {
    this.#check()
    this.#gathered.add(data)
    if (!this.#gathered.isEnough) return
    const chunks = this.#gathered.take()
    await this.#queue(() => run(this.#folder.append(chunks)))
  }

  /** {@link write}, done when it returns. */
  writeSync(data: FileData): void {
    this.#checkSync()
    this.#gathered.add(data)
    if (this.#gathered.isEnough)
      this.#now(() => runSync(this.#folder.append(this.#gathered.take())))
  }

  /**
   * Makes a file, and the folders it is in. Several may be made at a time. A file of the same name
   * is replaced at the commit. Of two with one name between two commits, the one called last stays.
   *
   * @param name path relative to the folder, inside it
   * @param data the content; or a function that makes the file at the path it is given (for
   *   libraries that write files themselves). When it fails, only this file is not made, and the
   *   promise rejects with its error.
   * @throws `ERR_CHECKPOINT_WRITE` for a name that the file system refuses, that is a part's, or
   *   that is in the way of another file; only this file is not made
   */
  async writeFile(
    name: string,
    data: FileData | ((path: string) => void | Promise<void>),
  ): Promise<void> {
    this.#check()
    const file = this.#stage(name, data)
    const path = this.#folder.pathOf(file.temp)
    // Side by side: most names are good.
    file.filling = both(
      run(this.#folder.checkPlace(name)),
      typeof data === 'function'
        ? Promise.resolve(path)
            .then(data)
            .then(() => run(call('access', path)))
        : run(makeFile(path, [bytesOf(data)])),
    )
    this.#unsettled++
    try {
      await file.filling
      file.filling = undefined
    } catch (error) {
      this.#unstage(file)
      throw typeof data === 'function' ? error : writeFault(this.directory, error)
    } finally {
      this.#unsettled--
    }
  }

  /** {@link writeFile}, done when it returns. */
  writeFileSync(name: string, data: FileData | ((path: string) => void)): void {
    this.#checkSync()
    const file = this.#stage(name, data)
    const path = this.#folder.pathOf(file.temp)
    try {
      runSync(this.#folder.checkPlace(name))
      if (typeof data === 'function') {
        if ((data(path) as unknown) instanceof Promise)
          badOption('data', 'a function that has made the file when it returns', data)
        runSync(call('access', path))
      } else runSync(makeFile(path, [bytesOf(data)]))
    } catch (error) {
      this.#unstage(file)
      throw typeof data === 'function' ? error : writeFault(this.directory, error)
    }
  }

  /**
   * Commits all that was written before, together with the state. When the promise resolves, it is
   * on the disk and in its place; until then it may be there or not, but nothing is there in part.
   *
   * @param state is called at once, before `commit` returns: `() => pipeline.state()`. What it says
   *   is done must have been written, and what was written must be done: see `docs/checkpoints.md`.
   * @throws `ERR_CHECKPOINT_TAKEN` if the folder was opened by another since;
   *   `ERR_CHECKPOINT_WRITE` if the file system refuses
   */
  async commit(state: () => S): Promise<void> {
    this.#check()
    const taken = takeState(state)
    const chunks = this.#gathered.take()
    const files = this.#takeFiles()
    await this.#queue(async () => {
      await Promise.all(files.map(({ filling }) => filling))
      await run(this.#commit(chunks, files, taken))
    })
  }

  /** {@link commit}, done when it returns. */
  commitSync(state: () => S): void {
    this.#checkSync()
    const taken = takeState(state)
    const files = this.#takeFiles()
    this.#now(() => runSync(this.#commit(this.#gathered.take(), files, taken)))
  }

  /** Ends it, when what was called before is done. What is not committed is removed. */
  async close(): Promise<void> {
    if (this.#isClosed) return await this.#tail
    this.#isClosed = true
    await Promise.allSettled(this.#files.map(({ filling }) => filling))
    const closed = this.#tail.then(() => run(this.#close()))
    this.#tail = closed.catch(() => {})
    await closed
  }

  /** {@link close}, done when it returns. */
  closeSync(): void {
    if (this.#isClosed) return
    if (this.#unsettled > 0) throw busy()
    this.#isClosed = true
    runSync(this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  *#commit(
    chunks: readonly Uint8Array[],
    files: readonly StagedFile[],
    state: object,
  ): FileWork<void> {
    if (chunks.length > 0) yield* this.#folder.append(chunks)
    yield* this.#folder.commit(
      files.map(({ temp, name }) => ({ temp, name })),
      state,
    )
  }

  *#close(): FileWork<void> {
    // What a failed commit left may be named by a manifest: the next to open it knows.
    yield* this.#fault === undefined ? this.#folder.close() : this.#folder.abandon()
  }

  #stage(name: string, data: unknown): StagedFile {
    checkName('name', name)
    if (typeof data !== 'function') checkData(data)
    this.#folder.checkNotPart(name)
    this.#names.add(name)
    const file = { temp: this.#folder.nextTemp(name), name, filling: undefined }
    this.#files.push(file)
    return file
  }

  /** A file was not made. It may be in a commit that was called meanwhile, which then fails. */
  #unstage(file: StagedFile): void {
    if (!this.#files.includes(file)) return
    this.#files = this.#files.filter((other) => other !== file)
    this.#names.remove(file.name)
  }

  #takeFiles(): readonly StagedFile[] {
    const files = this.#files
    this.#files = []
    this.#names = new StagedNames(this.#folder.isCaseBlind)
    return files
  }

  /** One after the other, in the order of the calls. */
  #queue(work: () => Promise<void>): Promise<void> {
    this.#unsettled++
    const done = this.#tail.then(async () => {
      try {
        if (this.#fault !== undefined) throw brokenCheckpoint(this.#fault.cause)
        await work()
      } catch (error) {
        throw this.#broken(error)
      } finally {
        this.#unsettled--
      }
    })
    this.#tail = done.catch(() => {})
    return done
  }

  #now(work: () => void): void {
    try {
      work()
    } catch (error) {
      throw this.#broken(error)
    }
  }

  #broken(error: unknown): unknown {
    const fault = writeFault(this.directory, error)
    this.#fault ??= { cause: fault }
    return fault
  }

  #check(): void {
    if (this.#fault !== undefined) throw brokenCheckpoint(this.#fault.cause)
    if (this.#isClosed)
      throw new InfrastructureError('ERR_CHECKPOINT_CLOSED', 'the checkpoint was closed')
  }

  #checkSync(): void {
    this.#check()
    if (this.#unsettled > 0) throw busy()
  }
}

function checkArguments(
  directory: unknown,
  options: FileCheckpointOptions,
): { path: string; partName: (part: number) => string } {
  const path = checkFolder(directory)
  checkOptions(options, ['partName'])
  const { partName = defaultPartName } = options
  checkFunction('partName', partName)
  return { path, partName }
}

function defaultPartName(part: number): string {
  return `part-${String(part).padStart(8, '0')}`
}

/**
 * Resolves when both have; rejects, as the first of them does that has to, when both have settled.
 */
async function both(first: Promise<void>, second: Promise<void>): Promise<void> {
  for (const end of await Promise.allSettled([first, second]))
    if (end.status === 'rejected') throw end.reason
}

function writeFault(path: string, error: unknown): unknown {
  if (error instanceof SpindleError) return error
  return new SpindleError('ERR_CHECKPOINT_WRITE', `${path}: ${messageOf(error)}`, { cause: error })
}

function busy(): SpindleError {
  return new SpindleError(
    'ERR_CHECKPOINT_BUSY',
    'a synchronous call while a promise of this checkpoint is unsettled: wait for it first',
  )
}
