import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const CHUNK = 1 << 20;

/** Reads what was appended to a file since the last time; begins anew when the file was cut or replaced. */
export class AppendedReader {
  private offset = 0;
  private inode = 0;

  constructor(readonly path: string) {}

  /** Calls back with each new chunk. A file that is not there (yet, or any more) has nothing new. */
  read(onChunk: (chunk: Buffer) => void): void {
    let file: number;
    try {
      file = openSync(this.path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    try {
      this.readFrom(file, onChunk);
    } finally {
      closeSync(file);
    }
  }

  private readFrom(file: number, onChunk: (chunk: Buffer) => void): void {
    const { ino, size } = fstatSync(file);
    if (ino !== this.inode || size < this.offset) this.offset = 0;
    this.inode = ino;
    const buffer = Buffer.alloc(Math.min(CHUNK, Math.max(0, size - this.offset)));
    while (this.offset < size) {
      const length = readSync(file, buffer, 0, buffer.length, this.offset);
      if (length === 0) return;
      this.offset += length;
      onChunk(Buffer.from(buffer.subarray(0, length)));
    }
  }
}

/** Whole lines of a growing file; a line that is still being written waits for its end. */
export class LineReader {
  private readonly reader: AppendedReader;
  private rest: Buffer = Buffer.alloc(0);

  constructor(path: string) {
    this.reader = new AppendedReader(path);
  }

  read(onLine: (line: string) => void): void {
    this.reader.read((chunk) => {
      const text = Buffer.concat([this.rest, chunk]);
      const end = text.lastIndexOf(10) + 1;
      this.rest = text.subarray(end);
      for (const line of text.toString('utf8', 0, end).split('\n')) if (line !== '') onLine(line);
    });
  }
}
