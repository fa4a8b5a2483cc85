package activesync_test

import (
	"math/rand/v2"
	"testing"
)

// Each handler has its own target; Search, Find and ItemOperations have another
// one of the bytes alone.

func FuzzSync(f *testing.F)                  { fuzzHandler(f, "Sync") }
func FuzzSendMail(f *testing.F)              { fuzzHandler(f, "SendMail") }
func FuzzSmartForward(f *testing.F)          { fuzzHandler(f, "SmartForward") }
func FuzzSmartReply(f *testing.F)            { fuzzHandler(f, "SmartReply") }
func FuzzGetAttachment(f *testing.F)         { fuzzHandler(f, "GetAttachment") }
func FuzzGetHierarchy(f *testing.F)          { fuzzHandler(f, "GetHierarchy") }
func FuzzCreateCollection(f *testing.F)      { fuzzHandler(f, "CreateCollection") }
func FuzzDeleteCollection(f *testing.F)      { fuzzHandler(f, "DeleteCollection") }
func FuzzMoveCollection(f *testing.F)        { fuzzHandler(f, "MoveCollection") }
func FuzzFolderSync(f *testing.F)            { fuzzHandler(f, "FolderSync") }
func FuzzFolderCreate(f *testing.F)          { fuzzHandler(f, "FolderCreate") }
func FuzzFolderDelete(f *testing.F)          { fuzzHandler(f, "FolderDelete") }
func FuzzFolderUpdate(f *testing.F)          { fuzzHandler(f, "FolderUpdate") }
func FuzzMoveItems(f *testing.F)             { fuzzHandler(f, "MoveItems") }
func FuzzGetItemEstimate(f *testing.F)       { fuzzHandler(f, "GetItemEstimate") }
func FuzzSpoiltMeetingResponse(f *testing.F) { fuzzHandler(f, "MeetingResponse") }
func FuzzSpoiltSearch(f *testing.F)          { fuzzHandler(f, "Search") }
func FuzzSpoiltSettings(f *testing.F)        { fuzzHandler(f, "Settings") }
func FuzzPing(f *testing.F)                  { fuzzHandler(f, "Ping") }
func FuzzSpoiltItemOperations(f *testing.F)  { fuzzHandler(f, "ItemOperations") }
func FuzzProvision(f *testing.F)             { fuzzHandler(f, "Provision") }
func FuzzSpoiltResolve(f *testing.F)         { fuzzHandler(f, "ResolveRecipients") }
func FuzzSpoiltValidateCert(f *testing.F)    { fuzzHandler(f, "ValidateCert") }
func FuzzSpoiltFind(f *testing.F)            { fuzzHandler(f, "Find") }

// spoilable are the commands whose requests are WBXML.
var spoilable = []string{"Sync", "SendMail", "SmartForward", "SmartReply", "FolderSync", "FolderCreate", "FolderDelete", "FolderUpdate", "MoveItems", "GetItemEstimate",
	"MeetingResponse", "Search", "Settings", "Ping", "ItemOperations", "Provision", "ResolveRecipients", "ValidateCert", "Find"}

// Some hundred requests of each command, spoilt by chance and always the same:
// besides what is asked of every answer, each is held to its schema.
func TestAnswersToSpoiltRequestsKeepTheirSchemas(t *testing.T) {
	for _, command := range spoilable {
		t.Run(command, func(t *testing.T) {
			h := buildHostile(t)
			chance := rand.New(rand.NewPCG(4, uint64(len(command))))
			for i := range spoiltRequests {
				edits := make([]byte, 3*(1+chance.IntN(4)))
				for j := range edits {
					edits[j] = byte(chance.Uint32())
				}
				which := uint8(i)
				h.attack(t, which, command, "", h.spoilt(t, which, command, uint16(chance.Uint32()), edits))
				if t.Failed() {
					t.Fatalf("request %d", i)
				}
			}
		})
	}
}

// spoiltRequests is how many of each command a test sends.
const spoiltRequests = 200
