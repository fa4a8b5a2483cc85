package store

// String returns the name of the prefix as messages show it, "" for one that
// this binary does not know.
func (p Prefix) String() string {
	switch p {
	case PrefixMeta:
		return "meta"
	case PrefixCounter:
		return "counter"
	case PrefixBlob:
		return "blob"
	case PrefixBlobPack:
		return "blob pack"
	case PrefixBlobDead:
		return "blob dead"
	case PrefixDomain:
		return "domain"
	case PrefixAccount:
		return "account"
	case PrefixAddress:
		return "address"
	case PrefixGroup:
		return "group"
	case PrefixDelegate:
		return "delegate"
	case PrefixPhoto:
		return "photo"
	case PrefixAdmin:
		return "admin"
	case PrefixName:
		return "name"
	case PrefixNameVersion:
		return "name version"
	case PrefixCertificate:
		return "certificate"
	case PrefixRecipient:
		return "recipient"
	case PrefixMailbox:
		return "mailbox"
	case PrefixFolder:
		return "folder"
	case PrefixItem:
		return "item"
	case PrefixLog:
		return "log"
	case PrefixByDate:
		return "by date"
	case PrefixIndex:
		return "index"
	case PrefixRole:
		return "role"
	case PrefixSweep:
		return "sweep"
	case PrefixBuried:
		return "buried"
	case PrefixThread:
		return "thread"
	case PrefixMessage:
		return "message id"
	case PrefixThreadFolder:
		return "thread folder"
	case PrefixDevice:
		return "device"
	case PrefixBroken:
		return "broken"
	case PrefixCollection:
		return "collection"
	case PrefixMade:
		return "made"
	case PrefixQueue:
		return "queue"
	case PrefixQueueDue:
		return "queue due"
	case PrefixSent:
		return "sent"
	case PrefixSentAge:
		return "sent age"
	case PrefixFanout:
		return "fanout"
	case PrefixSearchDocs:
		return "search docs"
	case PrefixSearchSegment:
		return "search segment"
	case PrefixSearchBlock:
		return "search block"
	case PrefixAbsence:
		return "absence"
	case PrefixAnswered:
		return "answered"
	case PrefixAnsweredCount:
		return "answered count"
	}
	return ""
}
