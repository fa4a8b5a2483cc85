package eas_test

import (
	"time"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

func ptr[T any](v T) *T { return &v }

func exampleTime() time.Time { return time.Date(2026, 11, 23, 5, 13, 0, 120e6, time.UTC) }

func exampleEmail() *eas.Email {
	return &eas.Email{
		To: `"Ada Lovelace" <ada@example.org>`, Cc: "c@example.org", From: `"Grüße" <g@example.org>`,
		Subject: ptr("Re: 東京 & <more>"), ReplyTo: "r@example.org", DateReceived: exampleTime(),
		DisplayTo: "Ada Lovelace", ThreadTopic: "東京", Importance: ptr(eas.ImportanceHigh), Read: ptr(false),
		Attachments: []eas.AttachmentItem{{Attachment: &eas.Attachment{
			DisplayName: "a.pdf", FileReference: "5:7:2", Method: eas.AttachNormal, EstimatedDataSize: 1024,
			ContentID: "c1@x", IsInline: true,
		}}},
		Body:         &eas.Body{Type: eas.BodyHTML, EstimatedDataSize: 99, Truncated: true, Data: ptr("<p>Hi</p>"), Preview: "Hi"},
		MessageClass: "IPM.Note", InternetCPID: "65001",
		Flag: &eas.Flag{
			Status: ptr(eas.FlagActive), FlagType: "Flag for follow up", StartDate: exampleTime(), DueDate: exampleTime(),
			UtcStartDate: exampleTime(), UtcDueDate: exampleTime(), ReminderSet: ptr(false),
		},
		ContentClass: "urn:content-classes:message", NativeBodyType: eas.BodyHTML, Categories: []string{"red", "blue"},
		ConversationID: []byte{1, 2, 0xFF}, ConversationIndex: []byte{0, 1}, LastVerbExecuted: ptr(uint8(1)),
		LastVerbExecutionTime: exampleTime(), ReceivedAsBcc: ptr(true), Sender: "s@example.org", IsDraft: ptr(false),
	}
}

func exampleInvitation() *eas.Email {
	return &eas.Email{
		From: "o@example.org", DateReceived: exampleTime(), MessageClass: "IPM.Schedule.Meeting.Request",
		MeetingRequest: &eas.MeetingRequest{
			AllDayEvent: ptr(uint8(0)), StartTime: exampleTime(), DtStamp: exampleTime(), EndTime: exampleTime(),
			InstanceType: ptr(uint8(1)), Location: &eas.Location{DisplayName: "Room 1", Latitude: ptr(47.5)},
			Organizer: "o@example.org", Reminder: ptr(uint16(15)), ResponseRequested: ptr(uint8(1)),
			Recurrences: []eas.MeetingRecurrence{{Type: 1, Interval: 1, DayOfWeek: ptr(uint8(2))}},
			Sensitivity: ptr(uint8(0)), BusyStatus: ptr(uint8(2)), TimeZone: "AAAA",
			DisallowNewTimeProposal: ptr(uint8(0)), MeetingMessageType: ptr(uint8(1)), UID: "u@example.org",
		},
		Flag: &eas.Flag{},
	}
}

func exampleLegacyEmail() *eas.Email {
	return &eas.Email{
		To: "a@example.org", Subject: ptr(""), Read: ptr(true),
		LegacyAttachments: []eas.LegacyAttachment{{AttName: "5:7:2", AttSize: 10, AttMethod: 1, DisplayName: "a.txt"}},
		LegacyBody:        eas.LegacyBody{BodySize: ptr(uint32(5)), BodyTruncated: ptr(false), PlainBody: ptr("Hello")},
		MessageClass:      "IPM.Note",
	}
}

func exampleSync() *eas.SyncResponse {
	return &eas.SyncResponse{Collections: []eas.SyncResponseCollection{{
		SyncKey: "1804289384", CollectionID: "5", Status: eas.SyncStatusSuccess, MoreAvailable: true,
		Responses: []eas.SyncReply{
			{Add: &eas.SyncAddReply{ClientID: "c1", ServerID: "5:9", Status: eas.SyncStatusSuccess}},
			{Change: &eas.SyncChangeReply{ServerID: "5:1", Status: eas.SyncStatusObjectNotFound}},
			{Delete: &eas.SyncDeleteReply{ServerID: "5:2", Status: eas.SyncStatusObjectNotFound}},
			{Fetch: &eas.SyncFetchReply{ServerID: "5:3", Status: eas.SyncStatusSuccess, ApplicationData: exampleEmail()}},
		},
		Commands: []eas.SyncResponseCommand{
			{Delete: &eas.SyncServerDelete{ServerID: "5:4"}},
			{Add: &eas.SyncServerAdd{ServerID: "5:10", ApplicationData: exampleEmail()}},
			{Add: &eas.SyncServerAdd{ServerID: "5:11", ApplicationData: exampleInvitation()}},
			{Add: &eas.SyncServerAdd{ServerID: "5:12", ApplicationData: exampleLegacyEmail()}},
			{SoftDelete: &eas.SyncSoftDelete{ServerID: "5:5"}},
			{Change: &eas.SyncServerChange{ServerID: "5:6", ApplicationData: &eas.Email{Read: ptr(true), Flag: &eas.Flag{}}}},
		},
	}}}
}

func examplePolicy() *eas.EASProvisionDoc {
	return &eas.EASProvisionDoc{
		DevicePasswordEnabled: ptr(true), AlphanumericDevicePasswordRequired: ptr(false), PasswordRecoveryEnabled: ptr(false),
		RequireStorageCardEncryption: ptr(false), AttachmentsEnabled: ptr(true), MinDevicePasswordLength: ptr(uint8(4)),
		MaxInactivityTimeDeviceLock: ptr(uint32(900)), MaxDevicePasswordFailedAttempts: ptr(uint8(8)),
		MaxAttachmentSize: ptr("1048576"), AllowSimpleDevicePassword: ptr(true), DevicePasswordExpiration: ptr(uint32(0)),
		DevicePasswordHistory: ptr(uint32(0)), AllowStorageCard: ptr(true), AllowCamera: ptr(true),
		RequireDeviceEncryption: ptr(false), AllowUnsignedApplications: ptr(true), AllowUnsignedInstallationPackages: ptr(true),
		MinDevicePasswordComplexCharacters: ptr(uint8(3)), AllowWiFi: ptr(true), AllowTextMessaging: ptr(true),
		AllowPOPIMAPEmail: ptr(true), AllowBluetooth: ptr(uint8(2)), AllowIrDA: ptr(true), RequireManualSyncWhenRoaming: ptr(false),
		AllowDesktopSync: ptr(true), MaxCalendarAgeFilter: ptr(uint32(0)), AllowHTMLEmail: ptr(true), MaxEmailAgeFilter: ptr(uint32(0)),
		MaxEmailBodyTruncationSize: ptr(int32(-1)), MaxEmailHTMLBodyTruncationSize: ptr(int32(-1)),
		RequireSignedSMIMEMessages: ptr(false), RequireEncryptedSMIMEMessages: ptr(false), RequireSignedSMIMEAlgorithm: ptr(int32(0)),
		RequireEncryptionSMIMEAlgorithm: ptr(int32(0)), AllowSMIMEEncryptionAlgorithmNegotiation: ptr(int32(2)),
		AllowSMIMESoftCerts: ptr(true), AllowBrowser: ptr(true), AllowConsumerEmail: ptr(true), AllowRemoteDesktop: ptr(true),
		AllowInternetSharing: ptr(true), UnapprovedInROMApplicationList: []string{"a.exe"}, ApprovedApplicationList: []string{},
	}
}

// exampleResponses are responses by the name of their schema and, after a
// space, of the case.
func exampleResponses() map[string]any {
	user := &eas.UserInformation{Accounts: []eas.Account{{
		AccountID: "1", AccountName: "Work", UserDisplayName: "Ada", SendDisabled: ptr(false),
		EmailAddresses: &eas.EmailAddresses{SMTPAddresses: []string{"a@example.org", "b@example.org"}, PrimarySMTPAddress: "a@example.org"},
	}}}
	return map[string]any{
		"SyncResponse":                  exampleSync(),
		"SyncResponse people and lists": exampleObjects(),
		"SyncResponse events":           exampleEvents(),
		"SyncResponse failed":           &eas.SyncResponse{Status: eas.SyncStatusInvalidWait, Limit: ptr(uint(59))},
		"FolderSyncResponse": &eas.FolderSyncResponse{Status: eas.FolderSyncStatusSuccess, SyncKey: "2", Changes: &eas.FolderChanges{
			Count:   3,
			Updates: []eas.Folder{{ServerID: "7", ParentID: "5", DisplayName: "Old", Type: eas.FolderUserMail}},
			Deletes: []eas.FolderGone{{ServerID: "8"}},
			Adds:    []eas.Folder{{ServerID: "5", ParentID: eas.FolderTop, DisplayName: "Inbox", Type: eas.FolderInbox}},
		}},
		"FolderSyncResponse unchanged": &eas.FolderSyncResponse{Status: eas.FolderSyncStatusSuccess, SyncKey: "2", Changes: &eas.FolderChanges{}},
		"GetHierarchyResponse":         &eas.GetHierarchyResponse{Folders: []eas.HierarchyFolder{{DisplayName: "Inbox", ServerID: "5", Type: eas.FolderInbox, ParentID: eas.FolderTop}}},
		"FolderCreateResponse":         &eas.FolderCreateResponse{Status: eas.FolderCreateStatusSuccess, SyncKey: "3", ServerID: "9"},
		"FolderUpdateResponse":         &eas.FolderUpdateResponse{Status: eas.FolderUpdateStatusSuccess, SyncKey: "4"},
		"FolderDeleteResponse":         &eas.FolderDeleteResponse{Status: eas.FolderDeleteStatusNotFound},
		"PingResponse":                 &eas.PingResponse{Status: eas.PingStatusChanges, Folders: []string{"5", "7"}},
		"PingResponse bounds":          &eas.PingResponse{Status: eas.PingStatusHeartbeatOutOfRange, HeartbeatInterval: ptr(uint(3540))},
		"MoveItemsResponse": &eas.MoveItemsResponse{Responses: []eas.MoveResponse{
			{SrcMsgID: "5:1", Status: eas.MoveItemsStatusSuccess, DstMsgID: "7:12"}, {SrcMsgID: "5:2", Status: eas.MoveItemsStatusInvalidSource},
		}},
		"GetItemEstimateResponse": &eas.GetItemEstimateResponse{Responses: []eas.EstimateResponse{
			{Status: eas.GetItemEstimateStatusSuccess, Collection: &eas.EstimatedCollection{CollectionID: "5", Estimate: ptr(uint(10))}},
		}},
		"ProvisionResponse": &eas.ProvisionResponse{
			DeviceInformation: &eas.DeviceInformationDone{Status: eas.SettingsStatusSuccess}, Status: eas.ProvisionStatusSuccess,
			Policies: []eas.Policy{{PolicyType: eas.PolicyTypeWBXML, Status: eas.PolicyStatusSuccess, PolicyKey: "1307199584", Data: &eas.PolicyData{Doc: examplePolicy()}}},
		},
		"ProvisionResponse wipe": &eas.ProvisionResponse{Status: eas.ProvisionStatusSuccess, RemoteWipe: true},
		"SettingsResponse": &eas.SettingsResponse{Status: eas.SettingsStatusSuccess, Properties: []eas.SettingsResult{
			{RightsManagementInformation: &eas.RightsManagementResult{Status: eas.SettingsStatusSuccess, Get: &eas.RightsManagementGet{
				Templates: []eas.RightsManagementTemplate{{ID: "t", Name: "n", Description: "d"}},
			}}},
			{Oof: &eas.OofResult{Status: eas.SettingsStatusSuccess, Get: &eas.OofState{
				State: ptr(eas.OofTimed), StartTime: exampleTime(), EndTime: exampleTime(),
				Messages: []eas.OofMessage{{AppliesToInternal: true, Enabled: "1", ReplyMessage: ptr("Away"), BodyType: "Text"}},
			}}},
			{DevicePassword: &eas.DevicePasswordDone{Status: eas.SettingsStatusDeniedByPolicy}},
			{DeviceInformation: &eas.DeviceInformationDone{Status: eas.SettingsStatusSuccess}},
			{UserInformation: &eas.UserInformationResult{Status: eas.SettingsStatusSuccess, Get: user}},
		}},
		"ItemOperationsResponse": &eas.ItemOperationsResponse{Status: eas.ItemOperationsStatusSuccess, Response: []eas.ItemOperationReply{
			{EmptyFolderContents: &eas.EmptyFolderContentsReply{Status: eas.ItemOperationsStatusSuccess, CollectionID: "4"}},
			{Fetch: &eas.FetchReply{Status: eas.ItemOperationsStatusSuccess, CollectionID: "5", ServerID: "5:1", Class: "Email", Properties: exampleEmail()}},
			{Fetch: &eas.FetchReply{Status: eas.ItemOperationsStatusSuccess, FileReference: "5:7:2", Properties: &eas.AttachmentProperties{
				ContentType: "text/plain", Range: "0-9", Total: ptr(uint64(10)), Data: []byte("0123456789"),
			}}},
			{Fetch: &eas.FetchReply{Status: eas.ItemOperationsStatusInvalidAttachment, FileReference: "5:7:9"}},
		}},
		"ItemOperationsResponse multipart": &eas.ItemOperationsResponse{Status: eas.ItemOperationsStatusSuccess, Response: []eas.ItemOperationReply{
			{Fetch: &eas.FetchReply{Status: eas.ItemOperationsStatusSuccess, FileReference: "5:7:2", Properties: &eas.AttachmentProperties{ContentType: "text/plain", Part: ptr(uint(1))}}},
			{Fetch: &eas.FetchReply{Status: eas.ItemOperationsStatusSuccess, CollectionID: "5", ServerID: "5:1", Class: "Email", Properties: &eas.Email{
				Body: &eas.Body{Type: eas.BodyMIME, EstimatedDataSize: 10, Part: ptr(uint(2))},
			}}},
		}},
		"SendMailResponse":     &eas.SendMailResponse{Status: eas.StatusMailSubmissionFailed},
		"SmartReplyResponse":   &eas.SmartReplyResponse{Status: eas.StatusItemNotFound},
		"SmartForwardResponse": &eas.SmartForwardResponse{Status: eas.StatusItemNotFound},
		"SearchResponse": &eas.SearchResponse{Status: eas.SearchStatusSuccess, Response: &eas.SearchResponseBody{Store: eas.SearchResponseStore{
			Status: eas.SearchStatusSuccess, Range: "0-1", Total: ptr(uint(2)),
			Results: []eas.SearchResult{
				{Class: "Email", LongID: "L1", CollectionID: "5", Properties: &eas.Email{Subject: ptr("x"), Read: ptr(true)}},
				{Properties: &eas.GALEntry{DisplayName: "Ada", EmailAddress: "a@example.org", Picture: &eas.GALPicture{Status: eas.StatusNoPicture}}},
			},
		}}},
		"SearchResponse nothing": &eas.SearchResponse{Status: eas.SearchStatusSuccess, Response: &eas.SearchResponseBody{Store: eas.SearchResponseStore{
			Status: eas.SearchStatusSuccess, Results: []eas.SearchResult{{}}, Range: "0-0", Total: ptr(uint(0)),
		}}},
		"FindResponse": &eas.FindResponse{Status: eas.FindStatusSuccess, Response: &eas.FindResponseBody{
			Store: eas.StoreMailbox, Status: eas.FindStatusSuccess, Range: "0-0", Total: ptr(uint(1)),
			Results: []eas.FindResult{{Class: "Email", ServerID: "5:1", CollectionID: "5", Properties: &eas.FindEmail{
				Subject: "x", DateReceived: exampleTime(), DisplayTo: "Ada", DisplayCc: "c", Importance: ptr(uint8(1)), Read: ptr(true),
				IsDraft: ptr(false), Preview: "Hi", HasAttachments: ptr(true), From: "g@example.org",
			}}},
		}},
		"ResolveRecipientsResponse": &eas.ResolveRecipientsResponse{Status: eas.ResolveRecipientsStatusSuccess, Responses: []eas.ResolveResponse{{
			To: "ada", Status: eas.ResolveRecipientsStatusSuccess, RecipientCount: ptr(uint(1)),
			Recipients: []eas.ResolvedRecipient{{
				Type: 1, DisplayName: "Ada", EmailAddress: "a@example.org",
				Availability: &eas.Availability{Status: eas.ResolveRecipientsStatusSuccess, MergedFreeBusy: "0021"},
				Certificates: &eas.CertificatesFound{Status: eas.CertificatesStatusNone},
				Pictures:     []eas.ResolvePictureData{{Status: eas.StatusNoPicture}},
			}},
		}}},
		"MeetingResponseResponse": &eas.MeetingResponseResponse{Results: []eas.MeetingResult{{RequestID: "5:1", Status: eas.MeetingResponseStatusSuccess, CalendarID: "8:3"}}},
		"ValidateCertResponse": &eas.ValidateCertResponse{Status: eas.ValidateCertStatusSuccess, Certificates: []eas.ValidatedCert{
			{Statuses: []eas.ValidateCertStatus{eas.ValidateCertStatusRevoked}},
		}},
	}
}

// exampleRequests have every field of every request at least once.
func exampleRequests() []any {
	options := []eas.SyncOptions{{
		FilterType: ptr(uint(3)), Class: "Email", Conflict: ptr(uint(1)), MIMESupport: ptr(uint(2)), MIMETruncation: ptr(uint(8)),
		BodyPreference: []eas.BodyPreference{
			{Type: ptr(uint(2)), TruncationSize: ptr(uint32(51200)), AllOrNone: ptr(true), Preview: ptr(uint(255))}, {Type: ptr(uint(1))},
		},
		BodyPartPreference: []eas.BodyPartPreference{{Type: ptr(uint(2))}}, MaxItems: []uint{10}, RightsManagementSupport: ptr(true),
		Truncation: ptr(uint(7)), RtfTruncation: ptr(uint(1)),
	}, {}}
	data, err := wbxml.MarshalRaw(&eas.Email{Read: ptr(true), Send: true, Attachments: []eas.AttachmentItem{
		{Add: &eas.AttachmentAdd{ClientID: "a", Method: 1, Content: []byte{1}, DisplayName: "n"}}, {Delete: &eas.AttachmentDelete{FileReference: "f"}},
	}})
	if err != nil {
		panic(err)
	}
	return []any{
		&eas.Sync{
			Collections: []eas.SyncCollection{{
				Class: "Email", SyncKey: "7", NotifyGUID: "g", CollectionID: "5", Supported: wbxml.EmptyRaw(), DeletesAsMoves: ptr(true),
				GetChanges: ptr(false), WindowSize: ptr(uint(512)), ConversationMode: ptr(true), Options: options,
				Commands: []eas.SyncCommand{
					{Change: &eas.SyncChange{ServerID: "5:1", InstanceID: "i", ApplicationData: data}}, {Delete: &eas.SyncDelete{ServerID: "5:2", InstanceID: "i"}},
					{Fetch: &eas.SyncFetch{ServerID: "5:3"}}, {Add: &eas.SyncAdd{Class: "SMS", ClientID: "c", ApplicationData: data}}, {Delete: &eas.SyncDelete{ServerID: "5:4"}},
				},
			}},
			Wait: ptr(uint(8)), HeartbeatInterval: ptr(uint(480)), WindowSize: ptr(uint(100)), Partial: true,
		},
		&eas.FolderSync{SyncKey: "0"},
		&eas.FolderCreate{SyncKey: "1", ParentID: "0", DisplayName: "New", Type: eas.FolderUserMail},
		&eas.FolderUpdate{SyncKey: "1", ServerID: "9", ParentID: "0", DisplayName: "Newer"},
		&eas.FolderDelete{SyncKey: "1", ServerID: "9"},
		&eas.Ping{HeartbeatInterval: ptr(uint(480)), Folders: []eas.PingFolder{{ID: "5", Class: "Email"}}},
		&eas.GetItemEstimate{Collections: []eas.EstimateCollection{{SyncKey: "1", CollectionID: "5", ConversationMode: ptr(false), Class: "Email", FilterType: ptr(uint(0)), Options: options}}},
		&eas.MoveItems{Moves: []eas.Move{{SrcMsgID: "5:1", SrcFldID: "5", DstFldID: "7"}}},
		&eas.Provision{
			DeviceInformation: &eas.DeviceInformationSet{Set: &eas.DeviceInformation{Model: ptr("m"), IMEI: ptr("i"), FriendlyName: ptr("f"), OS: ptr("o"), OSLanguage: ptr("l"), PhoneNumber: ptr("p"), UserAgent: ptr("u"), EnableOutboundSMS: ptr(uint8(0)), MobileOperator: ptr("")}},
			Policies:          []eas.PolicyRequest{{PolicyType: eas.PolicyTypeWBXML, PolicyKey: "1", Status: eas.PolicyAcknowledgmentApplied}},
			RemoteWipe:        &eas.WipeReport{Status: eas.WipeStatusWiped}, AccountOnlyRemoteWipe: &eas.WipeReport{Status: eas.WipeStatusFailed},
		},
		&eas.Settings{Properties: []eas.SettingsProperty{
			{RightsManagementInformation: &eas.GetEmpty{Get: &wbxml.Empty{}}},
			{Oof: &eas.Oof{Get: &eas.OofGet{BodyType: "Text"}, Set: &eas.OofState{State: ptr(eas.OofDisabled)}}},
			{DevicePassword: &eas.DevicePassword{Set: &eas.DevicePasswordSet{Password: "p"}}},
			{UserInformation: &eas.GetEmpty{Get: &wbxml.Empty{}}},
		}},
		&eas.ItemOperations{Operations: []eas.ItemOperation{
			{Fetch: &eas.Fetch{Store: eas.StoreMailbox, ServerID: "5:1", CollectionID: "5", Options: &eas.FetchOptions{Schema: wbxml.EmptyRaw(), Range: "0-9", BodyPreference: []eas.BodyPreference{{Type: ptr(uint(1))}}}}},
			{EmptyFolderContents: &eas.EmptyFolderContents{CollectionID: "4", Options: &eas.EmptyFolderContentsOptions{DeleteSubFolders: true}}},
			{Move: &eas.ConversationMove{ConversationID: []byte{1}, DstFldID: "7", Options: &eas.ConversationMoveOptions{MoveAlways: true}}},
			{Fetch: &eas.Fetch{Store: eas.StoreMailbox, FileReference: ptr("5:7:2")}},
		}},
		&eas.SendMail{ClientID: "c", AccountID: "1", SaveInSentItems: true, Mime: []byte("Subject: x\r\n\r\n"), TemplateID: "t"},
		&eas.SmartReply{ClientID: "c", Source: &eas.SmartSource{FolderID: "5", ItemID: "5:1", LongID: "l", InstanceID: "i"}, ReplaceMime: true, Mime: []byte("x")},
		&eas.SmartForward{ClientID: "c", Source: &eas.SmartSource{}, Forwardees: []eas.Forwardee{{Name: "n", Email: "e@example.org"}}, Body: &eas.Body{Type: 1, Data: ptr("x")}},
		&eas.Search{Store: &eas.SearchStore{Name: eas.StoreMailbox, Query: &eas.SearchQuery{SearchConditions: eas.SearchConditions{And: []eas.SearchConditions{{
			FreeText: []string{"x"}, Classes: []string{"Email"}, CollectionIDs: []string{"5", "7"}, Or: []eas.SearchConditions{{FreeText: []string{"y"}}},
			GreaterThan: []eas.SearchComparison{{DateReceived: &wbxml.Empty{}, Value: "2026-11-23T05:13:00.120Z"}},
		}}}}, Options: &eas.SearchOptions{Range: "0-99", DeepTraversal: true, RebuildResults: true, Picture: &eas.SearchPicture{MaxSize: ptr(uint32(1))}}}},
		&eas.Search{Store: &eas.SearchStore{Name: eas.StoreGAL, Query: &eas.SearchQuery{Text: "ada"}}},
		&eas.Find{SearchID: "s", ExecuteSearch: &eas.FindExecute{Mailbox: &eas.FindCriterion{Query: &eas.FindQuery{FreeText: "x", Class: "Email", CollectionID: "5"}, Options: &eas.FindOptions{Range: "0-9", DeepTraversal: true, Picture: &eas.FindPicture{MaxPictures: ptr(uint32(1))}}}, GAL: &eas.FindCriterion{Query: &eas.FindQuery{Text: "ada"}}}},
		&eas.ResolveRecipients{To: []string{"a", "b"}, Options: &eas.ResolveOptions{CertificateRetrieval: ptr(uint(2)), MaxCertificates: ptr(uint(1)), MaxAmbiguousRecipients: ptr(uint(1)), Availability: &eas.AvailabilityRequest{StartTime: exampleTime(), EndTime: exampleTime()}, Picture: &eas.ResolvePicture{MaxSize: ptr(uint32(1))}}},
		&eas.MeetingResponse{Requests: []eas.MeetingAnswer{{UserResponse: eas.MeetingAccept, CollectionID: "5", RequestID: "5:1", InstanceID: ptr("i"), SendResponse: &eas.MeetingSendResponse{Body: &eas.Body{Type: 1, Data: ptr("x")}, ProposedStartTime: exampleTime().Truncate(time.Second)}}}},
		&eas.ValidateCert{CertificateChain: []string{"AA=="}, Certificates: []string{"AA=="}, CheckCRL: ptr(true)},
	}
}
