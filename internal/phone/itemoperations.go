package phone

import (
	"context"
	"fmt"
	"net/http"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// FetchOptions say in which form content is to come.
type FetchOptions struct {
	Bodies    []eas.BodyPreference
	MIME      bool   // MIMESupport 2, needed for bodies of type 4
	Range     string // of an attachment, "0-1023"
	Multipart bool   // content in parts of their own instead of inline
}

func (o FetchOptions) wire() *eas.FetchOptions {
	if len(o.Bodies) == 0 && !o.MIME && o.Range == "" {
		return nil
	}
	out := &eas.FetchOptions{BodyPreference: o.Bodies, Range: o.Range}
	if o.MIME {
		all := uint(2)
		out.MIMESupport = &all
	}
	return out
}

// Fetch brings a message with ItemOperations (MS-ASCMD 2.2.1.10). A body that
// came as a part of its own is put into the message.
func (p *Phone) Fetch(ctx context.Context, collection, serverID string, opt FetchOptions) (*eas.Email, error) {
	return p.fetchEmail(ctx, &eas.Fetch{CollectionID: collection, ServerID: serverID}, opt)
}

// FetchFound brings a message by the LongID that Search gave it.
func (p *Phone) FetchFound(ctx context.Context, longID string, opt FetchOptions) (*eas.Email, error) {
	return p.fetchEmail(ctx, &eas.Fetch{LongID: longID}, opt)
}

func (p *Phone) fetchEmail(ctx context.Context, f *eas.Fetch, opt FetchOptions) (*eas.Email, error) {
	f.Store, f.Options = eas.StoreMailbox, opt.wire()
	reply, parts, err := p.fetch(ctx, f, opt.Multipart)
	if err != nil {
		return nil, err
	}
	email, err := readEmail(reply.Properties)
	if err != nil {
		return nil, err
	}
	if email.Body != nil && email.Body.Part != nil {
		data, err := part(parts, *email.Body.Part)
		if err != nil {
			return nil, err
		}
		text := string(data)
		email.Body.Data = &text
	}
	return email, nil
}

// FetchAttachment brings an attachment, or the range of it that the options
// name, with ItemOperations.
func (p *Phone) FetchAttachment(ctx context.Context, reference string, opt FetchOptions) (*eas.AttachmentProperties, error) {
	reply, parts, err := p.fetch(ctx, &eas.Fetch{Store: eas.StoreMailbox, FileReference: &reference, Options: opt.wire()}, opt.Multipart)
	if err != nil {
		return nil, err
	}
	raw, _ := reply.Properties.(wbxml.Raw)
	d := wbxml.Decoder{MaxBytes: maxAnswer, MaxString: maxAnswer}
	var out eas.AttachmentProperties
	if err := d.UnmarshalRaw(raw, &out); err != nil {
		return nil, fmt.Errorf("phone: ItemOperations: %w", err)
	}
	if out.Part != nil {
		if out.Data, err = part(parts, *out.Part); err != nil {
			return nil, err
		}
	}
	return &out, nil
}

// part finds a part of a multipart answer; the document is part 0.
func part(parts [][]byte, n uint) ([]byte, error) {
	if n == 0 || n > uint(len(parts)) {
		return nil, fmt.Errorf("phone: ItemOperations: the answer has no part %d", n)
	}
	return parts[n-1], nil
}

func (p *Phone) fetch(ctx context.Context, f *eas.Fetch, multipart bool) (*eas.FetchReply, [][]byte, error) {
	reply, parts, err := p.itemOperation(ctx, eas.ItemOperation{Fetch: f}, multipart)
	if err != nil {
		return nil, nil, err
	}
	if reply.Fetch == nil {
		return nil, nil, fmt.Errorf("phone: ItemOperations: no answer to Fetch")
	}
	return reply.Fetch, parts, statusError("ItemOperations", reply.Fetch.Status, eas.ItemOperationsStatusSuccess)
}

func (p *Phone) itemOperation(ctx context.Context, op eas.ItemOperation, multipart bool) (eas.ItemOperationReply, [][]byte, error) {
	var resp eas.ItemOperationsResponse
	parts, err := p.call(ctx, "ItemOperations", Params{Multipart: multipart}, &eas.ItemOperations{Operations: []eas.ItemOperation{op}}, &resp)
	if err != nil {
		return eas.ItemOperationReply{}, nil, err
	}
	if err := statusError("ItemOperations", resp.Status, eas.ItemOperationsStatusSuccess); err != nil {
		return eas.ItemOperationReply{}, nil, err
	}
	if len(resp.Response) != 1 {
		return eas.ItemOperationReply{}, nil, fmt.Errorf("phone: ItemOperations: %d answers", len(resp.Response))
	}
	return resp.Response[0], parts, nil
}

// EmptyFolder deletes everything in a folder, and with subfolders the folders
// below it. The view follows with the next Sync.
func (p *Phone) EmptyFolder(ctx context.Context, collection string, subfolders bool) error {
	op := &eas.EmptyFolderContents{CollectionID: collection}
	if subfolders {
		op.Options = &eas.EmptyFolderContentsOptions{DeleteSubFolders: true}
	}
	reply, _, err := p.itemOperation(ctx, eas.ItemOperation{EmptyFolderContents: op}, false)
	if err != nil {
		return err
	}
	if reply.EmptyFolderContents == nil {
		return fmt.Errorf("phone: ItemOperations: no answer to EmptyFolderContents")
	}
	return statusError("ItemOperations", reply.EmptyFolderContents.Status, eas.ItemOperationsStatusSuccess)
}

// GetAttachment brings an attachment the way of 2.5 to 12.1 (MS-ASCMD 2.2.1.7).
func (p *Phone) GetAttachment(ctx context.Context, name string) (contentType string, data []byte, err error) {
	answer, err := p.Do(ctx, Request{Command: "GetAttachment", Params: Params{AttachmentName: name}})
	if err != nil {
		return "", nil, err
	}
	if answer.Status != http.StatusOK {
		return "", nil, &HTTPError{Command: "GetAttachment", Status: answer.Status, Header: answer.Header, Body: string(answer.Body[:min(len(answer.Body), 512)])}
	}
	return answer.Header.Get("Content-Type"), answer.Body, nil
}
