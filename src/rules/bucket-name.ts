/** Checks bucket names (Amazon S3 User Guide, "General purpose bucket naming rules"). */

const RESERVED_PREFIXES = ['xn--', 'sthree-', 'amzn-s3-demo-']
/** Suffixes of access points and other kinds of buckets, whose ARNs and actions differ. */
const RESERVED_SUFFIXES = ['-s3alias', '--ol-s3', '.mrap', '--x-s3', '--table-s3']

/** What is wrong with the name, as a sentence. Undefined: nothing. */
export function bucketNameProblem(name: string): string | undefined {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name))
    return 'A bucket name has 3 to 63 lower case letters, digits, dots and hyphens, and begins and ends with a letter or digit.'
  if (name.includes('..')) return 'A bucket name cannot hold two dots in a row.'
  if (/^\d+\.\d+\.\d+\.\d+$/.test(name)) return 'A bucket name cannot look like an IP address.'
  const prefix = RESERVED_PREFIXES.find((reserved) => name.startsWith(reserved))
  if (prefix) return `A bucket name cannot begin with ${prefix}, which AWS keeps for itself.`
  const suffix = RESERVED_SUFFIXES.find((reserved) => name.endsWith(reserved))
  if (suffix) return `A name that ends in ${suffix} is not a general purpose bucket. Write the bucket behind it.`
  return undefined
}
