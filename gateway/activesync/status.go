package activesync

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/store"
	"martlet/store/blob"
	"martlet/sync/class"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// statusError is a refusal with one of the statuses that every command knows
// (MS-ASCMD 2.2.2).
type statusError uint16

func (e statusError) Error() string { return fmt.Sprintf("activesync: status %d", uint16(e)) }

// Errors that become statuses of requests as a whole.
var (
	errUnknownCommand = errors.New("activesync: unknown command")
	errUnknownVersion = errors.New("activesync: unknown protocol version")
	errVersion1       = errors.New("activesync: protocol version 1.0")
	errNoBody         = errors.New("activesync: the request has no body")
	errBadID          = errors.New("activesync: an identifier is not one of ours")
)

// refuse is the answer to a request that did not come to its command's own
// answer.
func (h *Handler) refuse(s *session, err error) reply {
	switch {
	case errors.Is(err, errBadQuery), errors.Is(err, errUnknownVersion):
		return reply{status: http.StatusBadRequest}
	case errors.Is(err, errVersion1): // MS-ASCMD 2.2.2, status 138
		return reply{status: http.StatusHTTPVersionNotSupported}
	case errors.Is(err, errUnknownCommand): // MS-ASHTTP_R443
		return reply{status: http.StatusNotImplemented}
	case errors.Is(err, errBodyTooLarge):
		return reply{status: http.StatusRequestEntityTooLarge}
	case errors.Is(err, errBodyMemory):
		return reply{status: http.StatusServiceUnavailable, retryAfter: retryAfter}
	case errors.Is(err, errBodyCut):
		return reply{status: http.StatusBadRequest}
	}
	status := s.command.commonStatus(err)
	switch status {
	case eas.StatusServerError, eas.StatusServerErrorRetryLater:
		if errors.Is(err, errFilter) { // not our fault, whatever the status says
			break
		}
		h.sessionLog(s).Error("command failed", "error", err)
	}
	return s.failed(status)
}

// commonStatus turns an error into a status.
func (c *command) commonStatus(err error) uint16 {
	var refused statusError
	switch {
	case errors.As(err, &refused):
		return uint16(refused)
	case errors.Is(err, errBadDeviceID), errors.Is(err, device.ErrBadID):
		return eas.StatusDeviceIDMissingOrInvalid
	case errors.Is(err, errBadDeviceType):
		return eas.StatusDeviceTypeMissingOrInvalid
	case errors.Is(err, errContentType), errors.Is(err, errNoBody):
		return eas.StatusInvalidContent
	case errors.Is(err, errBadID):
		return eas.StatusInvalidIDs
	case errors.Is(err, errFilter): // MS-ASCMD 2.2.3.68.1
		return eas.StatusServerError
	case errors.Is(err, errProtocol):
		return eas.StatusInvalidXML
	case undecodable(err):
		return eas.StatusInvalidWBXML
	case misshapen(err):
		var twice *wbxml.DuplicateError
		switch {
		case c.twice != 0 && errors.As(err, &twice):
			return c.twice
		case c.malformed != 0:
			return c.malformed
		}
		return eas.StatusInvalidXML
	case retryable(err):
		return eas.StatusServerErrorRetryLater
	}
	return eas.StatusServerError
}

// undecodable tells that a request is not WBXML within its limits.
func undecodable(err error) bool {
	var unknown *wbxml.UnknownTagError // MS-ASCMD_R4815
	return errors.As(err, &unknown) || errors.Is(err, wbxml.ErrMalformed) || errors.Is(err, wbxml.ErrTooDeep) || errors.Is(err, wbxml.ErrTooLarge)
}

// misshapen tells that a request is WBXML, but not the command's.
func misshapen(err error) bool {
	var (
		missing *wbxml.MissingError
		value   *wbxml.ValueError
		root    *wbxml.RootError
		place   *wbxml.UnexpectedError
		twice   *wbxml.DuplicateError
		order   *wbxml.OrderError
	)
	return errors.As(err, &missing) || errors.As(err, &value) || errors.As(err, &root) ||
		errors.As(err, &place) || errors.As(err, &twice) || errors.As(err, &order)
}

// retryable tells that the same request may succeed later.
func retryable(err error) bool {
	return errors.Is(err, store.ErrDiskFull) || errors.Is(err, blob.ErrGone) || errors.Is(err, mail.ErrNoSpace) ||
		errors.Is(err, store.ErrClosed) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// failed answers with a status in the way of the version: since 14.0 in the
// response, before as an HTTP status (MS-ASCMD 2.2.2). A command's own statuses
// are below 100 and known to all versions.
func (s *session) failed(status uint16) reply {
	if s.command.fail != nil && (status < 100 || s.version >= eas.V140) {
		return reply{document: s.command.fail(status)}
	}
	code := s.httpStatus(status)
	rep := reply{status: code}
	if code == http.StatusServiceUnavailable {
		rep.retryAfter = retryAfter
	}
	return rep
}

// needsProvisioning is the HTTP status by which versions before 14.0 are told
// to provision.
const needsProvisioning = 449

// httpStatus is what versions before 14.0 get in place of a common status
// (MS-ASCMD 2.2.2).
func (s *session) httpStatus(status uint16) int {
	switch status {
	case eas.StatusServerError, eas.StatusMailSubmissionFailed, eas.StatusMessageHasNoRecipient:
		return http.StatusInternalServerError
	case eas.StatusInvalidIDs:
		if s.command.name == "SendMail" {
			return http.StatusInternalServerError
		}
	case eas.StatusServerErrorRetryLater:
		return http.StatusServiceUnavailable
	case eas.StatusMailboxQuotaExceeded:
		return http.StatusInsufficientStorage
	case eas.StatusActiveDirectoryAccessDenied, eas.StatusUserPrincipalCouldNotBeFound, eas.StatusUserDisabledForSync,
		eas.StatusDeviceIsBlockedForThisUser, eas.StatusDeviceNotFullyProvisionable, eas.StatusExternallyManagedDevicesNotAllowed, eas.StatusAccessDenied, eas.StatusAccountDisabled, eas.StatusSyncStateNotFound, eas.StatusMaximumDevicesReached:
		return http.StatusForbidden
	case eas.StatusCommandNotSupported, eas.StatusUnexpectedItemClass:
		return http.StatusNotImplemented
	case eas.StatusRemoteWipeRequested:
		if !s.hasPolicyKey {
			return http.StatusForbidden
		}
		return needsProvisioning
	case eas.StatusLegacyDeviceOnStrictPolicy, eas.StatusDeviceNotProvisioned, eas.StatusPolicyRefresh, eas.StatusInvalidPolicyKey:
		return needsProvisioning
	}
	return http.StatusBadRequest
}

// syncStatus is the status of a collection or of one command in it (MS-ASCMD
// 2.2.3.177.17).
func syncStatus(err error) eas.SyncStatus {
	var common statusError
	switch {
	case err == nil:
		return eas.SyncStatusSuccess
	case errors.As(err, &common): // since 16.0, of a draft that is sent
		return eas.SyncStatus(common)
	case errors.Is(err, engine.ErrStaleSyncKey), errors.Is(err, engine.ErrNoState):
		return eas.SyncStatusInvalidSyncKey
	case errors.Is(err, mail.ErrNoFolder):
		return eas.SyncStatusFolderHierarchyChanged
	case errors.Is(err, mail.ErrNoItem):
		return eas.SyncStatusObjectNotFound
	case errors.Is(err, engine.ErrConflict), errors.Is(err, mail.ErrReadOnly): // what is here stands
		return eas.SyncStatusConflict
	case errors.Is(err, mail.ErrMailboxFull), errors.Is(err, mail.ErrOverQuota): // MS-ASCMD_R4450
		return eas.SyncStatusCannotComplete
	case errors.Is(err, errBadID): // no folder of ours has such an id
		return eas.SyncStatusFolderHierarchyChanged
	case errors.Is(err, engine.ErrBadCommand), errors.Is(err, errProtocol):
		return eas.SyncStatusProtocolError
	case misshapen(err), undecodable(err), errors.Is(err, errNotAccepted), errors.Is(err, class.ErrReadOnly),
		errors.Is(err, class.ErrBadFlag), errors.Is(err, class.ErrBadValue), errors.Is(err, class.ErrBadReference):
		return eas.SyncStatusConversionError
	case retryable(err), outdated(err):
		return eas.SyncStatusRetry
	}
	return eas.SyncStatusServerError
}

// folderSyncStatus is the status of FolderSync (MS-ASCMD 2.2.3.177.5).
func folderSyncStatus(err error) eas.FolderSyncStatus {
	switch {
	case err == nil:
		return eas.FolderSyncStatusSuccess
	case errors.Is(err, engine.ErrStaleSyncKey), errors.Is(err, engine.ErrNoState):
		return eas.FolderSyncStatusInvalidSyncKey
	}
	return eas.FolderSyncStatusServerError
}

// folderCreateStatus is the status of FolderCreate (MS-ASCMD 2.2.3.177.3).
func folderCreateStatus(err error) eas.FolderCreateStatus {
	switch {
	case err == nil:
		return eas.FolderCreateStatusSuccess
	case errors.Is(err, mail.ErrFolderExists):
		return eas.FolderCreateStatusNameExists
	case errors.Is(err, mail.ErrSystemFolder):
		return eas.FolderCreateStatusSystemFolder
	case errors.Is(err, mail.ErrBadParent), errors.Is(err, mail.ErrNoFolder):
		return eas.FolderCreateStatusParentNotFound
	case errors.Is(err, engine.ErrStaleSyncKey), errors.Is(err, engine.ErrNoState):
		return eas.FolderCreateStatusInvalidSyncKey
	case errors.Is(err, mail.ErrBadName), errors.Is(err, errBadID):
		return eas.FolderCreateStatusBadRequest
	}
	return eas.FolderCreateStatusServerError
}

// folderUpdateStatus is the status of FolderUpdate (MS-ASCMD 2.2.3.177.6).
func folderUpdateStatus(err error) eas.FolderUpdateStatus {
	switch {
	case err == nil:
		return eas.FolderUpdateStatusSuccess
	case errors.Is(err, mail.ErrFolderExists), errors.Is(err, mail.ErrSystemFolder):
		return eas.FolderUpdateStatusNameExists
	case errors.Is(err, mail.ErrNoFolder):
		return eas.FolderUpdateStatusNotFound
	case errors.Is(err, mail.ErrBadParent):
		return eas.FolderUpdateStatusParentNotFound
	case errors.Is(err, engine.ErrStaleSyncKey), errors.Is(err, engine.ErrNoState):
		return eas.FolderUpdateStatusInvalidSyncKey
	case errors.Is(err, mail.ErrBadName), errors.Is(err, errBadID):
		return eas.FolderUpdateStatusBadRequest
	}
	return eas.FolderUpdateStatusServerError
}

// folderDeleteStatus is the status of FolderDelete (MS-ASCMD 2.2.3.177.4).
func folderDeleteStatus(err error) eas.FolderDeleteStatus {
	switch {
	case err == nil:
		return eas.FolderDeleteStatusSuccess
	case errors.Is(err, mail.ErrSystemFolder):
		return eas.FolderDeleteStatusSystemFolder
	case errors.Is(err, mail.ErrNoFolder):
		return eas.FolderDeleteStatusNotFound
	case errors.Is(err, engine.ErrStaleSyncKey), errors.Is(err, engine.ErrNoState):
		return eas.FolderDeleteStatusInvalidSyncKey
	case errors.Is(err, errBadID):
		return eas.FolderDeleteStatusBadRequest
	}
	return eas.FolderDeleteStatusServerError
}

// estimateStatus is the status of one collection in GetItemEstimate (MS-ASCMD
// 2.2.3.177.7).
func estimateStatus(err error) (status eas.GetItemEstimateStatus, known bool) {
	switch {
	case err == nil:
		return eas.GetItemEstimateStatusSuccess, true
	case errors.Is(err, mail.ErrNoFolder), errors.Is(err, errBadID), errors.Is(err, errMaxItems):
		return eas.GetItemEstimateStatusInvalidCollection, true
	case errors.Is(err, engine.ErrNoState):
		return eas.GetItemEstimateStatusNotPrimed, true
	case errors.Is(err, engine.ErrStaleSyncKey), errors.Is(err, errClasses): // MS-ASCMD_R908
		return eas.GetItemEstimateStatusInvalidSyncKey, true
	}
	return 0, false
}

// moveStatus is the status of one move in MoveItems (MS-ASCMD 2.2.3.177.10).
func moveStatus(err error) eas.MoveItemsStatus {
	switch {
	case err == nil:
		return eas.MoveItemsStatusSuccess
	case errors.Is(err, mail.ErrNoItem), errors.Is(err, mail.ErrNoFolder), errors.Is(err, errBadID), errors.Is(err, mail.ErrReadOnly):
		return eas.MoveItemsStatusInvalidSource
	case errors.Is(err, engine.ErrNoDestination), errors.Is(err, mail.ErrOverQuota):
		return eas.MoveItemsStatusInvalidDestination
	case errors.Is(err, engine.ErrSameFolder):
		return eas.MoveItemsStatusSameFolder
	}
	return eas.MoveItemsStatusLocked // transient, says MS-ASCMD_R4225
}
