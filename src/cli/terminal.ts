export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** What is for the person and not for the program that reads the output. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
