package message

// What a message may make us do. Beyond a limit the rest is kept as it is, in
// the last part or field, never refused.
const (
	maxDepth       = 32        // of multiparts in one another
	maxParts       = 1000      // of one message
	maxFields      = 2000      // read of one header; the rest is skipped
	maxHeaderBytes = 1 << 20   // of one header whose fields are read
	maxFieldBytes  = 256 << 10 // of one field's value
	maxFieldName   = 100       // RFC 5322 2.2 allows a line's length, nobody uses it
	maxBoundary    = 512       // RFC 2046 5.1.1 says 70
	maxParams      = 64        // of one Content-Type or Content-Disposition
	maxAddresses   = 1024      // of one list
	maxName        = 512       // bytes of a display name
	maxAddress     = 512       // bytes; RFC 5321 4.5.3.1 says 64+1+255
	maxReferences  = 100
	maxMessageID   = 998 // bytes: one line (RFC 5322 2.1.1)
	maxSubject     = 4096
	maxFilename    = 255 // bytes
	maxToken       = 255 // bytes of a media type, charset, encoding, …
	maxThreadIndex = 22 + 5*256
	maxTNEF        = 8         // winmail.dat in one message
	maxTNEFSize    = 64 << 20  // bytes of all of them
	maxVoiceOrder  = 2048      // bytes
	maxVoiceNotes  = 16374     // bytes (MS-ASEMAIL 2.2.2.84)
	maxDuration    = 1 << 30   // seconds of a voice mail
	maxUUParts     = 64        // uuencoded files in one text
	maxPieces      = 64        // texts joined to one body
	maxPreview     = 256       // characters
	maxPreviewRead = 128 << 10 // decoded bytes of a body read for its preview
	maxText        = 64 << 20  // of one text, as it is stored
	maxNestedHead  = 64 << 10  // of an attached message, read for its subject
	maxHTMLNesting = 64        // lists and links open at once
)
