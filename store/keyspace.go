package store

// Prefix is the first byte of every key of one table. This file is the whole
// list: a prefix is given once and never reused, not even after its table is
// gone, so that an old store can never be misread by a new binary.
type Prefix byte

// The prefixes, grouped by the room that owns them. The key behind each prefix
// is written big-endian, so that byte order is key order.
const (
	PrefixMeta    Prefix = 0x01 // store: format version, key check
	PrefixCounter Prefix = 0x02 // store: counter name -> last value given

	PrefixBlob     Prefix = 0x08 // store/blob: hash -> place, size, references
	PrefixBlobPack Prefix = 0x09 // store/blob: pack number -> dead bytes
	PrefixBlobDead Prefix = 0x0a // store/blob: when released, hash

	PrefixDomain      Prefix = 0x10 // directory: domain name
	PrefixAccount     Prefix = 0x11 // directory: AccountID
	PrefixAddress     Prefix = 0x12 // directory: address -> account or group
	PrefixGroup       Prefix = 0x13 // directory: group address
	PrefixDelegate    Prefix = 0x14 // directory: owner, delegate
	PrefixPhoto       Prefix = 0x15 // directory: AccountID -> JPEG or PNG
	PrefixAdmin       Prefix = 0x16 // directory: AccountID of each administrator
	PrefixCertificate Prefix = 0x17 // directory: AccountID -> S/MIME certificates
	PrefixRecipient   Prefix = 0x18 // mail/mailbox: MailboxID, FolderID, address -> ItemID, rank
	PrefixName        Prefix = 0x19 // directory: word of the address list, account or group -> name it is sorted by
	PrefixNameVersion Prefix = 0x1a // directory: how the words of the address list were made
	PrefixVerifier    Prefix = 0x1b // directory: AccountID -> verifier of the last password found right

	PrefixContact    Prefix = 0x1c // directory: address -> shared contact
	PrefixEntryPhoto Prefix = 0x1d // directory: address of a group or shared contact -> JPEG or PNG
	PrefixEntry      Prefix = 0x1e // directory: name of an entry of the address list -> whom it leads to, its last change
	PrefixEntryLog   Prefix = 0x1f // directory: number of a change -> name of the entry

	PrefixMailbox Prefix = 0x20 // mail/mailbox: MailboxID -> ModSeq, next ids
	PrefixFolder  Prefix = 0x21 // mail/mailbox: MailboxID, FolderID
	PrefixItem    Prefix = 0x22 // mail/mailbox: MailboxID, FolderID, ItemID
	PrefixLog     Prefix = 0x23 // mail/mailbox: MailboxID, FolderID, ModSeq -> Change
	PrefixByDate  Prefix = 0x24 // mail/mailbox: MailboxID, FolderID, Position
	PrefixIndex   Prefix = 0x25 // mail/mailbox: blob hash -> MIME index, references
	PrefixRole    Prefix = 0x26 // mail/mailbox: MailboxID, Role -> FolderID
	PrefixSweep   Prefix = 0x27 // mail/mailbox: MailboxID, FolderID of what is gone but not yet swept
	PrefixBuried  Prefix = 0x28 // mail/mailbox: MailboxID, FolderID, ItemID -> ModSeq of the tombstone

	PrefixThread       Prefix = 0x29 // mail/mailbox: MailboxID, ThreadID, FolderID, ItemID -> time of receipt
	PrefixMessage      Prefix = 0x2a // mail/mailbox: MailboxID, hash of a Message-ID -> ThreadID, places
	PrefixThreadFolder Prefix = 0x2b // mail/mailbox: MailboxID, ThreadID -> FolderID where its mail goes
	PrefixObjectName   Prefix = 0x2c // mail/mailbox: MailboxID, FolderID, name of a resource -> ItemID
	PrefixObjectUID    Prefix = 0x2d // mail/mailbox: MailboxID, hash of a class and UID, FolderID, ItemID

	PrefixGrant  Prefix = 0x2e // mail/share: MailboxID, FolderID, account, group or everybody -> rights
	PrefixPublic Prefix = 0x2f // mail/share: MailboxID of each mailbox of public folders

	PrefixDevice     Prefix = 0x30 // sync/device: AccountID, DeviceID
	PrefixCollection Prefix = 0x31 // sync/device: AccountID, DeviceID, FolderID
	PrefixBroken     Prefix = 0x32 // sync/device: AccountID, DeviceID, FolderID, ItemID of what the device cannot take

	PrefixQueue    Prefix = 0x40 // mail/queue: entry id -> outbound message
	PrefixQueueDue Prefix = 0x41 // mail/queue: time due, entry id of what is not yet split by destination
	PrefixSent     Prefix = 0x42 // mail/route: AccountID, DeviceID, ClientId -> when
	PrefixSentAge  Prefix = 0x43 // mail/route: when, AccountID, DeviceID, ClientId
	PrefixFanout   Prefix = 0x44 // mail/route: number -> message accepted, accounts that still wait for it

	PrefixQueueLeg         Prefix = 0x45 // mail/queue: entry id, destination -> recipients that wait, when due
	PrefixQueueWaiting     Prefix = 0x46 // mail/queue: destination, time due, entry id
	PrefixQueueDestination Prefix = 0x47 // mail/queue: destination -> when to look at it, whether it is down
	PrefixQueueNext        Prefix = 0x4c // mail/queue: when to look, destination
	PrefixQueueHold        Prefix = 0x4d // mail/queue: destination, sender or everything -> since when it is held

	PrefixSTS       Prefix = 0x48 // mail/tlspolicy: domain -> policy of MTA-STS
	PrefixTLSTally  Prefix = 0x49 // mail/tlspolicy: day, domain, kind of policy -> how TLS went
	PrefixTLSReport Prefix = 0x4a // mail/tlspolicy: number -> report of TLS that came, summed up

	PrefixSearchDocs    Prefix = 0x50 // mail/mailbox: MailboxID, Doc/32 -> where the messages are
	PrefixSearchSegment Prefix = 0x51 // mail/mailbox: MailboxID, number -> Docs, state
	PrefixSearchBlock   Prefix = 0x52 // mail/mailbox: MailboxID, segment, last term, its first Doc -> words and where they stand
	PrefixSignature     Prefix = 0x53 // mail/mailbox: hash of a body -> which runs of four bytes its texts have

	PrefixAbsence       Prefix = 0x58 // mail/oof: AccountID -> what is said while away
	PrefixAnswered      Prefix = 0x59 // mail/oof: AccountID, sender -> when told
	PrefixAnsweredCount Prefix = 0x5a // mail/oof: AccountID -> how many were told
	PrefixVacation      Prefix = 0x5b // mail/oof: AccountID, sender, handle of a vacation -> until when it is not said again

	PrefixMade Prefix = 0x5c // sync/device: AccountID, DeviceID -> drafts added within the last day

	PrefixApp        Prefix = 0x60 // mail/announce: number of a registration -> app, device, rules
	PrefixAppAccount Prefix = 0x61 // mail/announce: AccountID, number of a registration
	PrefixAppTarget  Prefix = 0x62 // mail/announce: hash of where it goes -> number of the registration
	PrefixAppState   Prefix = 0x63 // mail/announce: number of a registration -> where it stands in the log, what is told
	PrefixAppOutcome Prefix = 0x64 // mail/announce: number of a registration, page -> outcomes

	PrefixSubscription Prefix = 0x68 // mail/imap: MailboxID, name of a mailbox -> whether it is subscribed to
	PrefixAnnotation   Prefix = 0x69 // mail/imap: MailboxID, FolderID, whose, name -> value

	PrefixShareEpoch Prefix = 0x70 // mail/share: number of the last change that links follow from
	PrefixGrantee    Prefix = 0x71 // mail/share: account or group, MailboxID, FolderID of what it was granted

	PrefixArrival        Prefix = 0x74 // mail/schedule: number -> scheduling mail that is to be attended to
	PrefixMeetingGone    Prefix = 0x75 // mail/schedule: MailboxID, hash of a UID -> the last that was seen of a meeting that left
	PrefixMeetingGoneAge Prefix = 0x76 // mail/schedule: when, MailboxID, hash of a UID

	PrefixAppPassword  Prefix = 0x94 // directory: AccountID, number -> password of one program
	PrefixSecondFactor Prefix = 0x95 // directory: AccountID -> secret of one-time codes, codes for a lost device
	PrefixScram        Prefix = 0x96 // directory: AccountID -> SCRAM keys of the password
	PrefixPin          Prefix = 0x97 // directory: fingerprint of a client certificate -> AccountID
	PrefixQuotaTold    Prefix = 0x99 // mail/quota: AccountID -> how full its owner was told it is
	PrefixEncryption   Prefix = 0x9c // directory: AccountID -> to what key its arriving mail is encrypted
	PrefixPlace        Prefix = 0x98 // directory/lockout: AccountID, hash of a network or device -> when it logged in last

	PrefixDavCollection Prefix = 0x78 // gateway/dav: MailboxID, FolderID -> what clients say of a collection
	PrefixDavSegment    Prefix = 0x79 // gateway/dav: MailboxID, name that a client gave to a collection -> FolderID
	PrefixDavFile       Prefix = 0x7a // gateway/dav: MailboxID, depth, path -> file or folder
	PrefixDavFiles      Prefix = 0x7b // gateway/dav: MailboxID -> what its files come to

	PrefixBrought Prefix = 0x7c // mail/transfer: MailboxID, hash of a message elsewhere -> what became of it

	PrefixGrey          Prefix = 0x80 // mail/filter: hash of network, sender and recipient -> when it was tried first and last
	PrefixGreyNetwork   Prefix = 0x81 // mail/filter: hash of a network or domain -> how often it came back, when last
	PrefixSigningKey    Prefix = 0x82 // mail/sign: domain, selector -> private key, its state
	PrefixDMARCOutcome  Prefix = 0x83 // mail/feedback: day, domain, hash of what was found -> how often
	PrefixDMARCPolicy   Prefix = 0x84 // mail/feedback: day, domain -> its policy, where reports go
	PrefixDMARCReceived Prefix = 0x85 // mail/feedback: our domain, end of the time, hash of who and which -> report about us

	PrefixJunkState   Prefix = 0x88 // mail/junk: AccountID, zero for all -> how much was learned
	PrefixJunkWords   Prefix = 0x89 // mail/junk: AccountID, zero for all, bucket -> words with their counts
	PrefixJunkLesson  Prefix = 0x8a // mail/junk: MailboxID, hash of a message -> what is to be learned
	PrefixJunkLearned Prefix = 0x8b // mail/junk: MailboxID, hash of a message -> what was learned
	PrefixJunkSender  Prefix = 0x8c // mail/junk: domain -> what it sent
	PrefixJunkNetwork Prefix = 0x8d // mail/junk: network -> what came from there

	PrefixScript      Prefix = 0x90 // mail/rules: AccountID, name -> script
	PrefixScriptState Prefix = 0x91 // mail/rules: AccountID -> which script is active, what was last wrong
	PrefixSeen        Prefix = 0x92 // mail/rules: AccountID, hash of what a script remembers -> until when
	PrefixSeenAge     Prefix = 0x93 // mail/rules: AccountID, until when, hash

	PrefixTrace Prefix = 0xa0 // mail/trace: when, some number -> what happened to a message
)
