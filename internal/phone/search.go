package phone

import (
	"context"
	"fmt"
	"time"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// Query says what to search for, and where.
type Query struct {
	Text       string
	Collection string    // empty: all folders
	Since      time.Time // received later than this; zero: any
	Before     time.Time
	First      uint // of the results wanted, from zero
	Count      uint // zero: as many as the server gives
}

// results names a range (MS-ASCMD 2.2.3.143).
func (q Query) results() string {
	if q.Count == 0 {
		return ""
	}
	return fmt.Sprintf("%d-%d", q.First, q.First+q.Count-1)
}

// Hit is a message that was found.
type Hit struct {
	LongID       string // of Search
	ServerID     string // of Find
	CollectionID string
	Email        *eas.Email
	Preview      string // of Find
}

// Hits are the answer to a search.
type Hits struct {
	Messages []Hit
	People   []eas.GALEntry
	Range    string
	Total    uint
}

// Search searches the mailbox (MS-ASCMD 2.2.1.16).
func (p *Phone) Search(ctx context.Context, q Query) (Hits, error) {
	c := eas.SearchConditions{FreeText: []string{q.Text}, Classes: []string{"Email"}}
	if q.Collection != "" {
		c.CollectionIDs = []string{q.Collection}
	}
	date := func(at time.Time) []eas.SearchComparison {
		if at.IsZero() {
			return nil
		}
		return []eas.SearchComparison{{DateReceived: &wbxml.Empty{}, Value: at.UTC().Format("2006-01-02T15:04:05.000Z")}}
	}
	c.GreaterThan, c.LessThan = date(q.Since), date(q.Before)
	kind, size := uint(eas.BodyPlain), uint32(512)
	resp, err := p.search(ctx, &eas.SearchStore{
		Name:  eas.StoreMailbox,
		Query: &eas.SearchQuery{SearchConditions: eas.SearchConditions{And: []eas.SearchConditions{c}}},
		Options: &eas.SearchOptions{
			Range: q.results(), DeepTraversal: true, RebuildResults: q.First == 0,
			BodyPreference: []eas.BodyPreference{{Type: &kind, TruncationSize: &size}},
		},
	})
	if err != nil {
		return Hits{}, err
	}
	out := hits(resp)
	for _, r := range resp.Results {
		raw, ok := r.Properties.(wbxml.Raw)
		if !ok {
			continue // "no results" is an empty one
		}
		email, err := readEmail(raw)
		if err != nil {
			return out, err
		}
		out.Messages = append(out.Messages, Hit{LongID: r.LongID, CollectionID: r.CollectionID, Email: email})
	}
	return out, nil
}

// SearchPeople searches the address list.
func (p *Phone) SearchPeople(ctx context.Context, q Query) (Hits, error) {
	resp, err := p.search(ctx, &eas.SearchStore{
		Name: eas.StoreGAL, Query: &eas.SearchQuery{Text: q.Text}, Options: &eas.SearchOptions{Range: q.results()},
	})
	if err != nil {
		return Hits{}, err
	}
	out := hits(resp)
	for _, r := range resp.Results {
		raw, ok := r.Properties.(wbxml.Raw)
		if !ok {
			continue
		}
		var e eas.GALEntry
		if err := wbxml.UnmarshalRaw(raw, &e); err != nil {
			return out, fmt.Errorf("phone: Search: %w", err)
		}
		out.People = append(out.People, e)
	}
	return out, nil
}

func hits(s *eas.SearchResponseStore) Hits {
	out := Hits{Range: s.Range}
	if s.Total != nil {
		out.Total = *s.Total
	}
	return out
}

func (p *Phone) search(ctx context.Context, store *eas.SearchStore) (*eas.SearchResponseStore, error) {
	var resp eas.SearchResponse
	if err := p.Call(ctx, "Search", Params{}, &eas.Search{Store: store}, &resp); err != nil {
		return nil, err
	}
	if err := statusError("Search", resp.Status, eas.SearchStatusSuccess); err != nil {
		return nil, err
	}
	if resp.Response == nil {
		return &eas.SearchResponseStore{}, nil
	}
	return &resp.Response.Store, statusError("Search", resp.Response.Store.Status, eas.SearchStatusSuccess)
}

// Find searches the mailbox, or with people the address list, as 16.1 does
// (MS-ASCMD 2.2.1.2).
func (p *Phone) Find(ctx context.Context, id string, q Query, people bool) (Hits, error) {
	c := &eas.FindCriterion{Query: &eas.FindQuery{}, Options: &eas.FindOptions{Range: q.results(), DeepTraversal: !people}}
	req := &eas.Find{SearchID: id, ExecuteSearch: &eas.FindExecute{}}
	if people {
		c.Query.Text = q.Text
		req.ExecuteSearch.GAL = c
	} else {
		c.Query.FreeText, c.Query.Class, c.Query.CollectionID = q.Text, "Email", q.Collection
		req.ExecuteSearch.Mailbox = c
	}
	var resp eas.FindResponse
	if err := p.Call(ctx, "Find", Params{}, req, &resp); err != nil {
		return Hits{}, err
	}
	if err := statusError("Find", resp.Status, eas.FindStatusSuccess); err != nil || resp.Response == nil {
		return Hits{}, err
	}
	r := resp.Response
	out := Hits{Range: r.Range}
	if r.Total != nil {
		out.Total = *r.Total
	}
	if err := statusError("Find", r.Status, eas.FindStatusSuccess); err != nil {
		return out, err
	}
	for _, found := range r.Results {
		raw, _ := found.Properties.(wbxml.Raw)
		if people {
			var e eas.GALEntry
			if err := wbxml.UnmarshalRaw(raw, &e); err != nil {
				return out, fmt.Errorf("phone: Find: %w", err)
			}
			out.People = append(out.People, e)
			continue
		}
		var e eas.FindEmail
		if err := wbxml.UnmarshalRaw(raw, &e); err != nil {
			return out, fmt.Errorf("phone: Find: %w", err)
		}
		email := &eas.Email{Subject: &e.Subject, From: e.From, DateReceived: e.DateReceived, DisplayTo: e.DisplayTo, Importance: e.Importance, Read: e.Read}
		out.Messages = append(out.Messages, Hit{ServerID: found.ServerID, CollectionID: found.CollectionID, Email: email, Preview: e.Preview})
	}
	return out, nil
}
