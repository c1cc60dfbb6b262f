import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * What takes longest, begun first: otherwise everybody waits for it at the end. Files that wait alternate with files that compute, so that
 * not all processes of all worlds start at once. The others follow by their size.
 */
const LONGEST_FIRST = [
  'test/integration/aws/terraform',
  'test/chaos/minute',
  'test/integration/aws/aws-cli-table',
  'test/chaos/early-end.test',
  'test/integration/processes/start',
  'test/chaos/recovery',
  'test/integration/grants/bad-luck',
  'test/chaos/early-end-crash',
  'test/integration/store/queue-sweep',
  'test/browser/cards',
  'test/integration/store/record-outage',
  'test/chaos/activation-crash',
  'test/integration/requests/one-decision',
  'test/integration/cli/cli.test',
  'test/integration/grants/forged-record',
  'test/integration/processes/no-secrets',
  'test/integration/cli/doctor.test',
  'test/integration/feed/setup-cli',
  'test/integration/cli/second-factor-cli',
  'test/chaos/neighbours-down',
  'test/integration/processes/demo',
]

function place({ moduleId }: TestSpecification): number {
  const found = LONGEST_FIRST.findIndex((part) => moduleId.includes(part))
  return found === -1 ? LONGEST_FIRST.length : found
}

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((one, other) => place(one) - place(other))
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'sandbox/**/*.test.ts'],
    // Files mostly wait (for processes, servers and real time): two more at once than there are processors.
    maxWorkers: availableParallelism() + 2,
    // Every run is like the first one; remembered results would put the files in another order.
    cache: false,
    sequence: { sequencer: LongestFirst },
    // Real processes, a real Redis and real servers: generous, because no test asserts a duration.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
    restoreMocks: true,
    // Files share processes: each would load the packages again otherwise. The one file of setup fails a file that leaves something behind.
    isolate: false,
    setupFiles: ['test/leave-nothing-behind.ts'],
  },
})
