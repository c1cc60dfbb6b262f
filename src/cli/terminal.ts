export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Writes to stderr, for the person: stdout is for the program that reads the output. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
