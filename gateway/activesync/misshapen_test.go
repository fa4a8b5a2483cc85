package activesync_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/protocol/eas"
)

// misshapen is a request that is WBXML and not what its command wants.
type misshapen struct {
	command, name, request string
	want                   string // the statuses of the answer, with those of later versions; a common one is HTTP 400 before 14.0
}

func times(n int, s string) string { return strings.Repeat(s, n) }

var misshapenRequests = []misshapen{
	// Sync
	{"Sync", "missing: Collections", `<Sync xmlns="AirSync"><WindowSize>9</WindowSize></Sync>`, "4"},
	{"Sync", "missing: SyncKey", `<Sync xmlns="AirSync"><Collections><Collection><CollectionId>1</CollectionId></Collection></Collections></Sync>`, "4"},
	{"Sync", "missing: CollectionId", `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>0</SyncKey></Collection></Collections></Sync>`, "12|14.0:4"},
	{"Sync", "out of place: CollectionId first", `<Sync xmlns="AirSync"><Collections><Collection><CollectionId>1</CollectionId><SyncKey>0</SyncKey></Collection></Collections></Sync>`, "4"},
	{"Sync", "out of place: Add in Collection", `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>0</SyncKey><CollectionId>1</CollectionId><Add><ClientId>1</ClientId></Add></Collection></Collections></Sync>`, "1"},
	{"Sync", "another namespace", `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>0</SyncKey><CollectionId xmlns="GetItemEstimate">1</CollectionId></Collection></Collections></Sync>`, "12|14.0:4"},
	{"Sync", "wrong value: WindowSize", syncRequest("0", `<WindowSize>many</WindowSize>`), "4"},
	{"Sync", "wrong value: FilterType", syncRequest("0", `<Options><FilterType>9</FilterType></Options>`), "4"},
	{"Sync", "wrong value: SyncKey", syncRequest("x", ""), "3"},
	{"Sync", "wrong value: an element in a text", syncRequest("0", `<WindowSize><Class>Email</Class></WindowSize>`), "4"},
	{"Sync", "too long: SyncKey", syncRequest(times(65, "1"), ""), "4"},
	{"Sync", "too long: CollectionId", strings.Replace(syncRequest("0", ""), ">1<", ">"+times(65, "1")+"<", 1), "4"}, // MS-ASCMD_R5862
	{"Sync", "too long: Class, which would be remembered", syncRequest("0", `<Class>`+times(900_000, "x")+`</Class>`), "4"},
	{"Sync", "too many: a collection twice", `<Sync xmlns="AirSync"><Collections>` + times(2, `<Collection><SyncKey>0</SyncKey><CollectionId>1</CollectionId></Collection>`) + `</Collections></Sync>`, "4"},
	{"Sync", "too many: SyncKey twice", `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>0</SyncKey><SyncKey>0</SyncKey><CollectionId>1</CollectionId></Collection></Collections></Sync>`, "4"},
	{"Sync", "too many: collections", `<Sync xmlns="AirSync"><Collections>` + times(301, `<Collection><SyncKey>0</SyncKey><CollectionId>1</CollectionId></Collection>`) + `</Collections></Sync>`, "15"},
	{"Sync", "of 12.1: Wait too long", `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>0</SyncKey><CollectionId>1</CollectionId></Collection></Collections><Wait>99</Wait></Sync>`, "4|12.1:14"},
	{"Sync", "of 14.0: HeartbeatInterval with Wait", `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>0</SyncKey><CollectionId>1</CollectionId></Collection></Collections><Wait>9</Wait><HeartbeatInterval>90</HeartbeatInterval></Sync>`, "4"},
	{"Sync", "of 12.1: Wait", `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>x</SyncKey><CollectionId>1</CollectionId></Collection></Collections><Wait>9</Wait></Sync>`, "4|12.1:3"},
	{"Sync", "of 14.0: HeartbeatInterval", `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>x</SyncKey><CollectionId>1</CollectionId></Collection></Collections><HeartbeatInterval>90</HeartbeatInterval></Sync>`, "4|14.0:3"}, // MS-ASCMD_R6691
	{"Sync", "of another class: ConversationMode", strings.Replace(syncRequest("0", `<ConversationMode>1</ConversationMode>`), ">1<", ">7<", 1), "4"},

	// SendMail
	{"SendMail", "missing: ClientId", `<SendMail xmlns="ComposeMail"><Mime>To: anna@example.org</Mime></SendMail>`, "103"},
	{"SendMail", "missing: Mime", `<SendMail xmlns="ComposeMail"><ClientId>1</ClientId></SendMail>`, "103"},
	{"SendMail", "out of place: Source", `<SendMail xmlns="ComposeMail"><ClientId>1</ClientId><Source><FolderId>1</FolderId><ItemId>1:1</ItemId></Source><Mime>To: nobody</Mime></SendMail>`, "103"},
	{"SendMail", "wrong value: AccountId", `<SendMail xmlns="ComposeMail"><ClientId>1</ClientId><AccountId>other</AccountId><Mime>To: anna@example.org</Mime></SendMail>`, "166"},
	{"SendMail", "wrong value: no recipient", `<SendMail xmlns="ComposeMail"><ClientId>2</ClientId><Mime>Subject: x</Mime></SendMail>`, "119"},
	{"SendMail", "wrong value: no message", `<SendMail xmlns="ComposeMail"><ClientId>3</ClientId><Mime/></SendMail>`, "107"},
	{"SendMail", "too long: ClientId", `<SendMail xmlns="ComposeMail"><ClientId>` + times(65, "x") + `</ClientId><Mime>To: anna@example.org</Mime></SendMail>`, "103"},
	{"SendMail", "another namespace", `<SendMail xmlns="ComposeMail"><ClientId xmlns="AirSync">1</ClientId><Mime>To: anna@example.org</Mime></SendMail>`, "103"},

	// FolderSync
	{"FolderSync", "missing: SyncKey", `<FolderSync xmlns="FolderHierarchy"/>`, "10"},
	{"FolderSync", "wrong value: SyncKey", `<FolderSync xmlns="FolderHierarchy"><SyncKey>x</SyncKey></FolderSync>`, "9"},
	{"FolderSync", "wrong value: an element", `<FolderSync xmlns="FolderHierarchy"><SyncKey><Type>1</Type></SyncKey></FolderSync>`, "10"},
	{"FolderSync", "another namespace", `<FolderSync xmlns="FolderHierarchy"><SyncKey xmlns="AirSync">0</SyncKey></FolderSync>`, "10"},
	{"FolderSync", "too long: SyncKey", `<FolderSync xmlns="FolderHierarchy"><SyncKey>` + times(65, "1") + `</SyncKey></FolderSync>`, "9"},

	// FolderCreate
	{"FolderCreate", "missing: SyncKey", `<FolderCreate xmlns="FolderHierarchy"><ParentId>0</ParentId><DisplayName>a</DisplayName><Type>12</Type></FolderCreate>`, "10"},
	{"FolderCreate", "missing: ParentId", `<FolderCreate xmlns="FolderHierarchy"><SyncKey>1</SyncKey><DisplayName>a</DisplayName><Type>12</Type></FolderCreate>`, "10"},
	{"FolderCreate", "missing: DisplayName", `<FolderCreate xmlns="FolderHierarchy"><SyncKey>1</SyncKey><ParentId>0</ParentId><Type>12</Type></FolderCreate>`, "10"},
	{"FolderCreate", "missing: Type", `<FolderCreate xmlns="FolderHierarchy"><SyncKey>1</SyncKey><ParentId>0</ParentId><DisplayName>a</DisplayName></FolderCreate>`, "10"},
	{"FolderCreate", "wrong value: Type", `<FolderCreate xmlns="FolderHierarchy"><SyncKey>1</SyncKey><ParentId>0</ParentId><DisplayName>a</DisplayName><Type>mail</Type></FolderCreate>`, "10"},
	{"FolderCreate", "wrong value: SyncKey", `<FolderCreate xmlns="FolderHierarchy"><SyncKey>x</SyncKey><ParentId>0</ParentId><DisplayName>a</DisplayName><Type>12</Type></FolderCreate>`, "9"},
	{"FolderCreate", "another namespace", `<FolderCreate xmlns="FolderHierarchy"><SyncKey xmlns="AirSync">1</SyncKey><ParentId>0</ParentId><DisplayName>a</DisplayName><Type>12</Type></FolderCreate>`, "10"},

	// FolderDelete
	{"FolderDelete", "missing: SyncKey", `<FolderDelete xmlns="FolderHierarchy"><ServerId>1</ServerId></FolderDelete>`, "10"},
	{"FolderDelete", "missing: ServerId", `<FolderDelete xmlns="FolderHierarchy"><SyncKey>1</SyncKey></FolderDelete>`, "10"},
	{"FolderDelete", "wrong value: ServerId", `<FolderDelete xmlns="FolderHierarchy"><SyncKey>1</SyncKey><ServerId>x</ServerId></FolderDelete>`, "4"},
	{"FolderDelete", "another namespace", `<FolderDelete xmlns="FolderHierarchy"><SyncKey>1</SyncKey><ServerId xmlns="AirSync">1</ServerId></FolderDelete>`, "10"},

	// FolderUpdate
	{"FolderUpdate", "missing: SyncKey", `<FolderUpdate xmlns="FolderHierarchy"><ServerId>1</ServerId><ParentId>0</ParentId><DisplayName>a</DisplayName></FolderUpdate>`, "10"},
	{"FolderUpdate", "missing: ServerId", `<FolderUpdate xmlns="FolderHierarchy"><SyncKey>1</SyncKey><ParentId>0</ParentId><DisplayName>a</DisplayName></FolderUpdate>`, "10"},
	{"FolderUpdate", "missing: ParentId", `<FolderUpdate xmlns="FolderHierarchy"><SyncKey>1</SyncKey><ServerId>1</ServerId><DisplayName>a</DisplayName></FolderUpdate>`, "10"},
	{"FolderUpdate", "missing: DisplayName", `<FolderUpdate xmlns="FolderHierarchy"><SyncKey>1</SyncKey><ServerId>1</ServerId><ParentId>0</ParentId></FolderUpdate>`, "10"},
	{"FolderUpdate", "out of place: Type", `<FolderUpdate xmlns="FolderHierarchy"><SyncKey>1</SyncKey><ServerId>1</ServerId><ParentId>0</ParentId><DisplayName>a</DisplayName><Type>12</Type></FolderUpdate>`, "10"},
	{"FolderUpdate", "too many: DisplayName twice", `<FolderUpdate xmlns="FolderHierarchy"><SyncKey>1</SyncKey><ServerId>1</ServerId><ParentId>0</ParentId><DisplayName>a</DisplayName><DisplayName>b</DisplayName></FolderUpdate>`, "10"},

	// MoveItems
	{"MoveItems", "missing: Move", `<MoveItems xmlns="Move"/>`, "103"},
	{"MoveItems", "missing: SrcMsgId", `<MoveItems xmlns="Move"><Move><SrcFldId>1</SrcFldId><DstFldId>4</DstFldId></Move></MoveItems>`, "103"},
	{"MoveItems", "missing: SrcFldId", `<MoveItems xmlns="Move"><Move><SrcMsgId>1:1</SrcMsgId><DstFldId>4</DstFldId></Move></MoveItems>`, "103"},
	{"MoveItems", "missing: DstFldId", `<MoveItems xmlns="Move"><Move><SrcMsgId>1:1</SrcMsgId><SrcFldId>1</SrcFldId></Move></MoveItems>`, "103"},
	{"MoveItems", "empty: SrcMsgId", `<MoveItems xmlns="Move"><Move><SrcMsgId/><SrcFldId>1</SrcFldId><DstFldId>4</DstFldId></Move></MoveItems>`, "103"},
	{"MoveItems", "too long: SrcMsgId", `<MoveItems xmlns="Move"><Move><SrcMsgId>` + times(65, "1") + `</SrcMsgId><SrcFldId>1</SrcFldId><DstFldId>4</DstFldId></Move></MoveItems>`, "103"}, // MS-ASCMD_R5882
	{"MoveItems", "twice: SrcFldId", `<MoveItems xmlns="Move"><Move><SrcMsgId>1:1</SrcMsgId><SrcFldId>1</SrcFldId><SrcFldId>1</SrcFldId><DstFldId>4</DstFldId></Move></MoveItems>`, "5"},
	{"MoveItems", "too many: Move", `<MoveItems xmlns="Move">` + times(1001, `<Move><SrcMsgId>1:1</SrcMsgId><SrcFldId>1</SrcFldId><DstFldId>4</DstFldId></Move>`) + `</MoveItems>`, "103"}, // MS-ASCMD_R5653
	{"MoveItems", "another namespace", `<MoveItems xmlns="Move"><Move><ServerId xmlns="AirSync">1:1</ServerId><SrcFldId>1</SrcFldId><DstFldId>4</DstFldId></Move></MoveItems>`, "103"},

	// GetItemEstimate
	{"GetItemEstimate", "missing: Collections", `<GetItemEstimate xmlns="GetItemEstimate"/>`, "103"},
	{"GetItemEstimate", "missing: CollectionId", `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection><SyncKey xmlns="AirSync">1</SyncKey></Collection></Collections></GetItemEstimate>`, "2|14.0:103"},
	{"GetItemEstimate", "missing: SyncKey", `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection><CollectionId>1</CollectionId></Collection></Collections></GetItemEstimate>`, "3"},
	{"GetItemEstimate", "wrong value: CollectionId", `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection><SyncKey xmlns="AirSync">1</SyncKey><CollectionId>x</CollectionId></Collection></Collections></GetItemEstimate>`, "2"},
	{"GetItemEstimate", "too long: CollectionId", `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection><SyncKey xmlns="AirSync">1</SyncKey><CollectionId>` + times(65, "1") + `</CollectionId></Collection></Collections></GetItemEstimate>`, "103"}, // MS-ASCMD_R5869
	{"GetItemEstimate", "wrong value: FilterType", `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection><SyncKey xmlns="AirSync">1</SyncKey><CollectionId>1</CollectionId><Options xmlns="AirSync"><FilterType>x</FilterType></Options></Collection></Collections></GetItemEstimate>`, "103"},
	{"GetItemEstimate", "too many: collections", `<GetItemEstimate xmlns="GetItemEstimate"><Collections>` + times(1001, `<Collection><SyncKey xmlns="AirSync">1</SyncKey><CollectionId>1</CollectionId></Collection>`) + `</Collections></GetItemEstimate>`, "103"}, // MS-ASCMD_R5647

	// Ping
	{"Ping", "missing: what to watch", `<Ping xmlns="Ping"/>`, "3"},
	{"Ping", "missing: Id", `<Ping xmlns="Ping"><HeartbeatInterval>480</HeartbeatInterval><Folders><Folder><Class>Email</Class></Folder></Folders></Ping>`, "4"},
	{"Ping", "missing: Class", `<Ping xmlns="Ping"><HeartbeatInterval>480</HeartbeatInterval><Folders><Folder><Id>99</Id></Folder></Folders></Ping>`, "7"},
	{"Ping", "wrong value: HeartbeatInterval", `<Ping xmlns="Ping"><HeartbeatInterval>long</HeartbeatInterval><Folders><Folder><Id>1</Id><Class>Email</Class></Folder></Folders></Ping>`, "4"},
	{"Ping", "wrong value: too short", pingOf(1, "1"), "5"},
	{"Ping", "wrong value: too long", pingOf(99999, "1"), "5"},
	{"Ping", "wrong value: no such folder", pingOf(480, "99"), "7"},
	{"Ping", "too long: Class, which would be remembered", `<Ping xmlns="Ping"><HeartbeatInterval>480</HeartbeatInterval><Folders><Folder><Id>1</Id><Class>` + times(900_000, "x") + `</Class></Folder></Folders></Ping>`, "4"},
	{"Ping", "too many: folders", pingOf(480, slices.Repeat([]string{"1"}, 1001)...), "6"},
	{"Ping", "another namespace", `<Ping xmlns="Ping"><HeartbeatInterval>480</HeartbeatInterval><Folders><Folder><ServerId xmlns="AirSync">1</ServerId><Class>Email</Class></Folder></Folders></Ping>`, "4"},

	// Settings
	{"Settings", "missing: everything", `<Settings xmlns="Settings"/>`, "1"},
	{"Settings", "missing: Get or Set", `<Settings xmlns="Settings"><Oof/></Settings>`, "1 2"},
	{"Settings", "both: Get and Set", `<Settings xmlns="Settings"><Oof><Get><BodyType>TEXT</BodyType></Get><Set><OofState>0</OofState></Set></Oof></Settings>`, "1 2"},
	{"Settings", "wrong value: OofState", `<Settings xmlns="Settings"><Oof><Set><OofState>x</OofState></Set></Oof></Settings>`, "2"},
	{"Settings", "wrong value: BodyType", `<Settings xmlns="Settings"><Oof><Get><BodyType>RTF</BodyType></Get></Oof></Settings>`, "1 5"},
	{"Settings", "twice: Oof", `<Settings xmlns="Settings">` + times(2, `<Oof><Get><BodyType>TEXT</BodyType></Get></Oof>`) + `</Settings>`, "2"},
	{"Settings", "of 14.1: RightsManagementInformation", `<Settings xmlns="Settings"><RightsManagementInformation><Get/></RightsManagementInformation></Settings>`, "2|14.1:1 168"},
	{"Settings", "another namespace", `<Settings xmlns="Settings"><Status xmlns="AirSync">1</Status></Settings>`, "1"},

	// ItemOperations
	{"ItemOperations", "missing: an operation", `<ItemOperations xmlns="ItemOperations"/>`, "2"},
	{"ItemOperations", "missing: Store", `<ItemOperations xmlns="ItemOperations"><Fetch><CollectionId xmlns="AirSync">1</CollectionId><ServerId xmlns="AirSync">1:1</ServerId></Fetch></ItemOperations>`, "1 9"},
	{"ItemOperations", "missing: what to fetch", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store></Fetch></ItemOperations>`, "1 2"},
	{"ItemOperations", "missing: CollectionId to empty", `<ItemOperations xmlns="ItemOperations"><EmptyFolderContents/></ItemOperations>`, "1 2"},
	{"ItemOperations", "wrong value: Range", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><FileReference xmlns="AirSyncBase">1:1:2</FileReference><Options><Range>0-99999999999999999999</Range></Options></Fetch></ItemOperations>`, "1 8"},
	{"ItemOperations", "wrong value: Range backwards", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><FileReference xmlns="AirSyncBase">1:1:2</FileReference><Options><Range>9-0</Range></Options></Fetch></ItemOperations>`, "1 8"},
	{"ItemOperations", "wrong value: FileReference", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><FileReference xmlns="AirSyncBase">1:1:4294967295</FileReference></Fetch></ItemOperations>`, "1 15"},
	{"ItemOperations", "wrong value: LongId", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><LongId xmlns="Search">1:1:18446744073709551615</LongId></Fetch></ItemOperations>`, "1 6"},
	{"ItemOperations", "wrong value: Store", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Attic</Store><CollectionId xmlns="AirSync">1</CollectionId><ServerId xmlns="AirSync">1:1</ServerId></Fetch></ItemOperations>`, "1 9"},
	{"ItemOperations", "too long: CollectionId", `<ItemOperations xmlns="ItemOperations"><EmptyFolderContents><CollectionId xmlns="AirSync">` + times(65, "1") + `</CollectionId></EmptyFolderContents></ItemOperations>`, "2"},
	{"ItemOperations", "twice: ServerId", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><CollectionId xmlns="AirSync">1</CollectionId>` + times(2, `<ServerId xmlns="AirSync">1:1</ServerId>`) + `</Fetch></ItemOperations>`, "2"},
	{"ItemOperations", "too many: operations", `<ItemOperations xmlns="ItemOperations">` + times(101, `<Fetch><Store>Mailbox</Store><CollectionId xmlns="AirSync">1</CollectionId><ServerId xmlns="AirSync">1:1</ServerId></Fetch>`) + `</ItemOperations>`, "11"},
	{"ItemOperations", "of 14.0: Move", moveRequest("AAAA", "4", always), "2|14.0:1 6"},
	{"ItemOperations", "of 14.0: Move without a conversation", `<ItemOperations xmlns="ItemOperations"><Move><DstFldId>4</DstFldId>` + always + `</Move></ItemOperations>`, "2|14.0:1 2"},

	// Provision
	{"Provision", "missing: PolicyType", `<Provision xmlns="Provision">` + aboutPhone + `<Policies><Policy/></Policies></Provision>`, "2|14.1:1 2"},
	{"Provision", "missing: Policy", `<Provision xmlns="Provision">` + aboutPhone + `<Policies/></Provision>`, "2|14.1:1 2"},
	{"Provision", "wrong value: PolicyType", `<Provision xmlns="Provision">` + aboutPhone + `<Policies><Policy><PolicyType>x</PolicyType></Policy></Policies></Provision>`, "1 3|14.1:1 1 3"},
	{"Provision", "wrong value: Status", `<Provision xmlns="Provision"><Policies><Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType><PolicyKey>1</PolicyKey><Status>x</Status></Policy></Policies></Provision>`, "2"},
	{"Provision", "too many: policies", `<Provision xmlns="Provision">` + aboutPhone + `<Policies>` + times(2, `<Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType></Policy>`) + `</Policies></Provision>`, "2|14.1:1 2"},
	{"Provision", "of 16.1: AccountOnlyRemoteWipe", `<Provision xmlns="Provision"><AccountOnlyRemoteWipe><Status>x</Status></AccountOnlyRemoteWipe></Provision>`, "2"},

	// SmartReply and SmartForward
	{"SmartReply", "missing: ClientId", `<SmartReply xmlns="ComposeMail"><Source><FolderId>1</FolderId><ItemId>1:1</ItemId></Source><Mime>To: anna@example.org</Mime></SmartReply>`, "103"},
	{"SmartReply", "missing: Source", `<SmartReply xmlns="ComposeMail"><ClientId>r1</ClientId><Mime>To: anna@example.org</Mime></SmartReply>`, "103"},
	{"SmartReply", "missing: Mime", `<SmartReply xmlns="ComposeMail"><ClientId>r2</ClientId><Source><FolderId>1</FolderId><ItemId>1:1</ItemId></Source></SmartReply>`, "103"},
	{"SmartReply", "missing: ItemId", `<SmartReply xmlns="ComposeMail"><ClientId>r3</ClientId><Source><FolderId>1</FolderId></Source><Mime>To: anna@example.org</Mime></SmartReply>`, "105"},
	{"SmartReply", "wrong value: ItemId", `<SmartReply xmlns="ComposeMail"><ClientId>r4</ClientId><Source><FolderId>1</FolderId><ItemId>2:1</ItemId></Source><Mime>To: anna@example.org</Mime></SmartReply>`, "150"},
	{"SmartReply", "too many: LongId and ItemId", `<SmartReply xmlns="ComposeMail"><ClientId>r5</ClientId><Source><FolderId>1</FolderId><ItemId>1:1</ItemId><LongId>1:1:1</LongId></Source><Mime>To: anna@example.org</Mime></SmartReply>`, "105"},
	{"SmartReply", "out of place: ItemId", `<SmartReply xmlns="ComposeMail"><ClientId>r6</ClientId><ItemId>1:1</ItemId><Source><FolderId>1</FolderId></Source><Mime>To: anna@example.org</Mime></SmartReply>`, "105"},
	{"SmartForward", "missing: Source", `<SmartForward xmlns="ComposeMail"><ClientId>f1</ClientId><Mime>To: anna@example.org</Mime></SmartForward>`, "103"},
	{"SmartForward", "missing: Mime", `<SmartForward xmlns="ComposeMail"><ClientId>f2</ClientId><Source><FolderId>1</FolderId><ItemId>1:1</ItemId></Source></SmartForward>`, "103"},
	{"SmartForward", "wrong value: LongId", `<SmartForward xmlns="ComposeMail"><ClientId>f3</ClientId><Source><LongId>1:1:18446744073709551615</LongId></Source><Mime>To: anna@example.org</Mime></SmartForward>`, "150"},
	{"SmartForward", "another namespace", `<SmartForward xmlns="ComposeMail"><ClientId>f4</ClientId><Source><CollectionId xmlns="AirSync">1</CollectionId><ItemId>1:1</ItemId></Source><Mime>To: anna@example.org</Mime></SmartForward>`, "105"},

	// MeetingResponse
	{"MeetingResponse", "missing: Request", `<MeetingResponse xmlns="MeetingResponse"/>`, "2"},
	{"MeetingResponse", "missing: UserResponse", `<MeetingResponse xmlns="MeetingResponse"><Request><CollectionId>1</CollectionId><RequestId>1:1</RequestId></Request></MeetingResponse>`, "2"},
	{"MeetingResponse", "wrong value: UserResponse", `<MeetingResponse xmlns="MeetingResponse"><Request><UserResponse>-1</UserResponse><CollectionId>1</CollectionId><RequestId>1:1</RequestId></Request></MeetingResponse>`, "2"},
	{"MeetingResponse", "too long: RequestId", `<MeetingResponse xmlns="MeetingResponse"><Request><UserResponse>1</UserResponse><CollectionId>1</CollectionId><RequestId>` + times(65, "1") + `</RequestId></Request></MeetingResponse>`, "2"},
	{"MeetingResponse", "too many: requests", `<MeetingResponse xmlns="MeetingResponse">` + times(101, `<Request><UserResponse>1</UserResponse><CollectionId>1</CollectionId><RequestId>1:1</RequestId></Request>`) + `</MeetingResponse>`, "103"}, // MS-ASCMD_R5650
	{"MeetingResponse", "another namespace", `<MeetingResponse xmlns="MeetingResponse"><Request><UserResponse>1</UserResponse><CollectionId xmlns="AirSync">1</CollectionId><RequestId>1:1</RequestId></Request></MeetingResponse>`, "2"},

	// Search
	{"Search", "missing: Store", `<Search xmlns="Search"/>`, "1 2"},
	{"Search", "missing: Name", `<Search xmlns="Search"><Store><Query>anna</Query></Store></Search>`, "1 2"},
	{"Search", "missing: Query", searchIn("GAL", ""), "1 2"},
	{"Search", "wrong value: Range", searchIn("GAL", `<Query>anna</Query><Options><Range>0-18446744073709551615</Range></Options>`), "1 2"},
	{"Search", "wrong value: Range below zero", searchIn("GAL", `<Query>anna</Query><Options><Range>-1-5</Range></Options>`), "1 2"},
	{"Search", "out of place: Range", searchIn("GAL", `<Query>anna</Query><Range>0-9</Range>`), "1 2"},
	{"Search", "another namespace", searchIn("GAL", `<Query>anna</Query><Options><Class xmlns="Ping">Email</Class></Options>`), "1 2"},

	// ResolveRecipients
	{"ResolveRecipients", "missing: To", `<ResolveRecipients xmlns="ResolveRecipients"/>`, "5"},
	{"ResolveRecipients", "wrong value: MaxAmbiguousRecipients", `<ResolveRecipients xmlns="ResolveRecipients"><To>anna</To><Options><MaxAmbiguousRecipients>x</MaxAmbiguousRecipients></Options></ResolveRecipients>`, "5"},
	{"ResolveRecipients", "wrong value: CertificateRetrieval", `<ResolveRecipients xmlns="ResolveRecipients"><To>anna</To><Options><CertificateRetrieval>9</CertificateRetrieval></Options></ResolveRecipients>`, "5"},
	{"ResolveRecipients", "too long: To", `<ResolveRecipients xmlns="ResolveRecipients"><To>` + times(300, "x") + `</To></ResolveRecipients>`, "5"},
	{"ResolveRecipients", "too many: To", `<ResolveRecipients xmlns="ResolveRecipients">` + times(101, `<To>anna</To>`) + `</ResolveRecipients>`, "5"}, // MS-ASCMD_R5656
	{"ResolveRecipients", "twice: Options", `<ResolveRecipients xmlns="ResolveRecipients"><To>anna</To><Options/><Options/></ResolveRecipients>`, "5"},

	// ValidateCert
	{"ValidateCert", "missing: Certificates", `<ValidateCert xmlns="ValidateCert"/>`, "2"},
	{"ValidateCert", "wrong value: CheckCRL", `<ValidateCert xmlns="ValidateCert"><Certificates><Certificate>AAAA</Certificate></Certificates><CheckCRL>x</CheckCRL></ValidateCert>`, "2"},
	{"ValidateCert", "wrong value: Certificate", `<ValidateCert xmlns="ValidateCert"><Certificates><Certificate>AAAA</Certificate></Certificates></ValidateCert>`, "1 10"},
	{"ValidateCert", "too many: Certificate", `<ValidateCert xmlns="ValidateCert"><Certificates>` + times(101, `<Certificate>AAAA</Certificate>`) + `</Certificates></ValidateCert>`, "2"}, // MS-ASCMD_R5662
	{"ValidateCert", "out of place: Certificate", `<ValidateCert xmlns="ValidateCert"><Certificate>AAAA</Certificate></ValidateCert>`, "2"},

	// Find
	{"Find", "missing: SearchId", `<Find xmlns="Find"><ExecuteSearch><MailBoxSearchCriterion><Query><FreeText>x</FreeText></Query></MailBoxSearchCriterion></ExecuteSearch></Find>`, "2"},
	{"Find", "missing: ExecuteSearch", `<Find xmlns="Find"><SearchId>1</SearchId></Find>`, "2"},
	{"Find", "missing: Query", `<Find xmlns="Find"><SearchId>1</SearchId><ExecuteSearch><MailBoxSearchCriterion/></ExecuteSearch></Find>`, "2"},
	{"Find", "wrong value: Range", `<Find xmlns="Find"><SearchId>1</SearchId><ExecuteSearch><MailBoxSearchCriterion><Query><FreeText>x</FreeText></Query><Options><Range>0-18446744073709551615</Range></Options></MailBoxSearchCriterion></ExecuteSearch></Find>`, "2"},
	{"Find", "too many: criteria", `<Find xmlns="Find"><SearchId>1</SearchId><ExecuteSearch><MailBoxSearchCriterion><Query><FreeText>x</FreeText></Query></MailBoxSearchCriterion><GalSearchCriterion><Query>x</Query></GalSearchCriterion></ExecuteSearch></Find>`, "2"},
	{"Find", "out of place: FreeText", `<Find xmlns="Find"><SearchId>1</SearchId><ExecuteSearch><MailBoxSearchCriterion><FreeText>x</FreeText></MailBoxSearchCriterion></ExecuteSearch></Find>`, "2"},
}

// MS-ASCMD 2.2.2 and 2.2.3.177: an element that is missing, out of place, of
// another namespace or version, of a wrong value, too long or too many: what
// each command says of it in each version.
func TestMisshapenRequests(t *testing.T) {
	h := build(t)
	h.deliver(t, 1, withFile, 0)
	phones := map[eas.Version]*phone{}
	for _, v := range versionsOfPhones {
		p := newPhone(t, h, "v"+strings.ReplaceAll(v.String(), ".", ""), v.String())
		p.ready()
		phones[v] = p
	}
	for _, m := range misshapenRequests {
		for _, v := range versionsOfPhones {
			if v >= sinceWhen(m.command) {
				holds(t, fmt.Sprintf("%v %s, %s", v, m.command, m.name), phones[v].postXML(m.command, m.request), v, m.at(v), 400)
			}
		}
	}
	if sent := h.contents(t, mail.RoleSent); len(sent) != 0 {
		t.Errorf("%d messages were sent", len(sent))
	}
}

// at is what a version answers: the last of "4|12.1:14" that it has reached.
func (m *misshapen) at(v eas.Version) string {
	want, rest, _ := strings.Cut(m.want, "|")
	for rest != "" {
		var one string
		one, rest, _ = strings.Cut(rest, "|")
		from, status, _ := strings.Cut(one, ":")
		if since, err := eas.ParseVersion(from); err == nil && v >= since {
			want = status
		}
	}
	return want
}

// sinceWhen is the first version in which a command's body is WBXML.
func sinceWhen(command string) eas.Version {
	for _, c := range commandsOfPhones {
		if c.name == command {
			return c.from
		}
	}
	return eas.V25
}
