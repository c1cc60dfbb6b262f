import type { SandboxPerson, TenantData } from './tenant.ts'

/** A small tenant with every kind of person that the rules distinguish. */

export const TENANT_ID = '5d1c8e0a-3b7f-4c69-8a21-6e94f0b7d312'
const DOMAIN = 'harbour.example'

/** `MAIL_SENDER`: a shared mailbox without a person. */
export const MAIL_SENDER = `latchkey@${DOMAIN}`

/** The groups in `latchkey.example.yaml`; one of them is nested in another. */
export const GROUPS = {
  finance: '6f0c1d0a-52f1-4a57-8f0e-3f3c5e7b9d21',
  dataOwners: '9a1e77c3-0a43-4a0b-b6d5-2f8e6c0b1a32',
  onCall: 'c2d4e6f8-1b3d-4c5e-8f70-91a2b3c4d5e6',
  /** In finance. */
  financeTrainees: '3c9b2f74-86e1-4d0a-9b5c-0f7a1e2d3c4b',
} as const

export const PEOPLE = {
  /** The requester. In finance; her manager is Max. */
  rita: '2f6b9c10-41d8-4e7a-9c3b-7a5d0e8f1b21',
  /** Manager of Rita and Finn. */
  max: '81a4d3e7-9f02-4b6c-a1d5-3c7e9b0f2a42',
  /** A second person in finance. */
  finn: 'b70e5f18-2c94-4d3b-8e6a-1f9d7c0b3e63',
  /** In finance through the group of trainees. */
  nils: 'd15a8b36-7e4f-4902-b8c1-5e0a9f2d6c84',
  /** In data-owners. */
  dana: '0b6f2a34-7d0e-4f7c-9a55-1c1f0f9d2a10',
  /** Owner of the installation (`Latchkey.Owner`), in data-owners, Max's manager. */
  omar: '4e8c1f52-b6a3-4d97-8c0e-9a2b5d7f1ea5',
  /** In the on-call group. */
  oona: '6a9d0e74-c5b2-4f18-9d3a-2b8c6e1f0fb6',
  /** In finance; has no manager. */
  noor: '93b7e1c8-0d5f-4a26-8b4e-7c1d9f3a5ec7',
  /** In finance; his manager's account is disabled. */
  dirk: 'a5c8f2d9-1e60-4b37-9c5f-8d2e0a4b6fd8',
  /** Her account is disabled. */
  della: 'c7dae4fb-3082-4d59-8e71-0f4a2c6d81ea',
  /** Invited from another tenant; in finance and data-owners. */
  gus: 'e9fc061d-5204-4f7b-9a93-216c4e8fa30c',
  /** In finance; she is her own manager. */
  selma: '1b3d5f70-7426-41ad-8cb5-438e60a1c52e',
  /** In finance; his manager is a contact, not a person. */
  kai: '3d5f7192-9648-43cf-9ed7-65a082c3e740',
} as const

export type PersonName = keyof typeof PEOPLE

const CONTACT = '5f7193b4-b86a-45e1-80f9-87c2a4e50962'

export const TENANT: TenantData = {
  people: [
    member('rita', 'Rita Reyes', 'Financial analyst', { managerId: PEOPLE.max }),
    member('max', 'Max Mertens', 'Head of finance', { managerId: PEOPLE.omar }),
    member('finn', 'Finn Falk', 'Accountant', { managerId: PEOPLE.max }),
    member('nils', 'Nils Novak', 'Trainee in finance', { managerId: PEOPLE.finn }),
    member('dana', 'Dana Okafor', 'Data lead', { managerId: PEOPLE.omar }),
    member('omar', 'Omar Haddad', 'Head of platform', { appRoles: ['Latchkey.Owner'] }),
    member('oona', 'Oona Virtanen', 'Site reliability engineer', { managerId: PEOPLE.omar }),
    member('noor', 'Noor Singh', 'Interim controller', {}),
    member('dirk', 'Dirk Dorn', 'Treasurer', { managerId: PEOPLE.della }),
    member('della', 'Della Duarte', 'Former head of treasury', { accountEnabled: false, managerId: PEOPLE.omar }),
    member('gus', 'Gus Gruber', 'Auditor, Gruber & Sons', {
      mail: 'gus@gruber.example',
      userPrincipalName: `gus_gruber.example#EXT#@${DOMAIN}`,
      userType: 'Guest',
      managerId: PEOPLE.max,
    }),
    member('selma', 'Selma Sato', 'Founder', { managerId: PEOPLE.selma }),
    member('kai', 'Kai Kruse', 'Contractor', { managerId: CONTACT }),
  ],
  groups: [
    {
      id: GROUPS.finance,
      displayName: 'finance',
      members: [
        PEOPLE.rita,
        PEOPLE.finn,
        PEOPLE.noor,
        PEOPLE.dirk,
        PEOPLE.gus,
        PEOPLE.selma,
        PEOPLE.kai,
        GROUPS.financeTrainees,
      ],
    },
    { id: GROUPS.financeTrainees, displayName: 'finance-trainees', members: [PEOPLE.nils] },
    {
      id: GROUPS.dataOwners,
      displayName: 'data-owners',
      members: [PEOPLE.dana, PEOPLE.omar, PEOPLE.gus, PEOPLE.della, CONTACT],
    },
    { id: GROUPS.onCall, displayName: 'on-call', members: [PEOPLE.oona] },
  ],
  contacts: [{ id: CONTACT, displayName: 'Temp Works, agency', mail: 'desk@tempworks.example' }],
}

function member(
  name: PersonName,
  displayName: string,
  jobTitle: string,
  other: Partial<Omit<SandboxPerson, 'id' | 'displayName' | 'jobTitle'>>,
): SandboxPerson {
  return {
    id: PEOPLE[name],
    displayName,
    jobTitle,
    mail: `${name}@${DOMAIN}`,
    userPrincipalName: `${name}@${DOMAIN}`,
    mailNickname: name,
    accountEnabled: true,
    userType: 'Member',
    appRoles: [],
    ...other,
  }
}
