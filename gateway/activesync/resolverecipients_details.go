package activesync

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"martlet/directory"
	"martlet/mail/schedule"
	"martlet/protocol/eas"
)

// recipient is the answer for one who may be meant. Certificates and free/busy
// times are of one who is meant without doubt (MS-ASCMD_R4279, R4617).
func (r *resolution) recipient(m *match, sure bool, wanted *pictures) (eas.ResolvedRecipient, error) {
	out := eas.ResolvedRecipient{Type: recipientGAL, DisplayName: m.name, EmailAddress: m.address}
	if m.contact != nil {
		out.Type = recipientContact
	}
	var err error
	if sure && r.busy {
		if out.Availability, err = r.availability(m); err != nil {
			return out, err
		}
	}
	if sure && r.certs > 1 {
		if out.Certificates, err = r.certificates(m); err != nil {
			return out, err
		}
	}
	if wanted != nil {
		picture, err := r.picturesOf(m, wanted)
		if err != nil {
			return out, err
		}
		out.Pictures = []eas.ResolvePictureData{picture}
	}
	return out, nil
}

// availability is where the free/busy times of a recipient will be, of a group
// those of its members in one (MS-ASCMD_R4625), or why there are none: of a large
// group they would be of no use (R4626), and of who is not here nobody knows them
// (R4298).
func (r *resolution) availability(m *match) (*eas.Availability, error) {
	people := 1
	if m.entry != nil && m.entry.Group != nil {
		members, err := r.members(m.entry)
		if err != nil {
			return nil, err
		}
		if people = len(members); people > maxBusyMembers {
			return &eas.Availability{Status: eas.StatusAvailabilityDLLimitReached}, nil
		}
	}
	if r.asked += people; r.asked >= maxBusyPeople {
		return &eas.Availability{Status: eas.StatusAvailabilityTooManyRecipients}, nil
	}
	out := &eas.Availability{Status: eas.StatusAvailabilityFailure}
	if r.h.c.Schedule != nil {
		r.waiting = append(r.waiting, waiting{m.address, out})
	}
	return out, nil
}

// waiting is who is still to be asked for free/busy times, and where they go.
type waiting struct {
	address string
	answer  *eas.Availability
}

// askWaiting asks for the free/busy times of all who are waiting.
func (r *resolution) askWaiting() error {
	if len(r.waiting) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.ctx, busyTime)
	defer cancel()
	var addresses []string
	for _, w := range r.waiting {
		addresses = append(addresses, w.address)
	}
	for i, one := range r.h.c.Schedule.BusyOf(ctx, addresses, r.from, r.until, maxBusyMembers) {
		out := r.waiting[i].answer
		switch {
		case one.Err == nil:
			out.Status, out.MergedFreeBusy = eas.ResolveRecipientsStatusSuccess, schedule.MergedFreeBusy(one.Periods, r.from, r.until)
		case errors.Is(one.Err, schedule.ErrNoData):
			out.Status = eas.StatusAvailabilityFailure
		case errors.Is(one.Err, schedule.ErrTooMany):
			out.Status = eas.StatusAvailabilityDLLimitReached
		case errors.Is(ctx.Err(), context.DeadlineExceeded) && r.ctx.Err() == nil: // MS-ASCMD_R4297
			out.Status = eas.StatusAvailabilityTransientFailure
		default:
			return one.Err
		}
	}
	return nil
}

// members are the accounts of a group and of all groups within it.
func (r *resolution) members(e *directory.Entry) ([]directory.AccountID, error) {
	route, err := r.h.c.Directory.Resolve(r.ctx, e.Group.Address)
	if errors.Is(err, directory.ErrNoAddress) { // an empty group
		return nil, nil
	}
	return route.Accounts, err
}

// certificates are those that mail to the recipient can be encrypted with: all
// that are valid, or none if they are more than the client takes (MS-ASCMD_R3255).
func (r *resolution) certificates(m *match) (*eas.CertificatesFound, error) {
	ders, people, err := r.certificatesOf(m)
	if err != nil {
		return nil, err
	}
	count, members := uint(len(ders)), uint(people)
	out := &eas.CertificatesFound{Status: eas.CertificatesStatusSuccess, CertificateCount: &count, RecipientCount: &members}
	if len(ders) == 0 {
		out.Status = eas.CertificatesStatusNone
		return out, nil
	}
	if r.certs == 3 {
		ders = ders[:1]
	}
	var size int64
	for _, der := range ders {
		size += int64(base64.StdEncoding.EncodedLen(len(der)))
	}
	if len(ders) > r.most || size > r.room {
		out.Status = eas.CertificatesStatusLimitReached
		return out, nil
	}
	r.most -= len(ders)
	r.room -= size
	if r.certs == 3 { // MS-ASCMD_R3435
		out.MiniCertificate = base64.StdEncoding.EncodeToString(ders[0])
		return out, nil
	}
	for _, der := range ders {
		out.Certificates = append(out.Certificates, base64.StdEncoding.EncodeToString(der))
	}
	return out, nil
}

// certificatesOf are the valid certificates of a recipient, of a group those of
// all its members (MS-ASCMD_R3768), and how many people that is.
func (r *resolution) certificatesOf(m *match) (ders [][]byte, people int, err error) {
	if m.contact != nil {
		card, err := r.h.card(r.ctx, &m.contact.item)
		if err != nil && !errors.Is(err, errNoCard) {
			return nil, 0, err
		}
		if card != nil {
			ders = card.Certificates()
		}
		return r.valid(ders, m.address), 1, nil
	}
	accounts := []directory.AccountID{m.entry.Account.ID}
	if m.entry.Group != nil {
		if accounts, err = r.members(m.entry); err != nil {
			return nil, 0, err
		}
	}
	for _, id := range accounts {
		own, err := r.h.c.Directory.Certificates(r.ctx, id)
		if err != nil {
			return nil, 0, err
		}
		ders = append(ders, r.valid(own, "")...)
	}
	return ders, len(accounts), nil
}

// valid leaves those of the certificates that can be used now to encrypt mail,
// and that are, if they name addresses, of the address given.
func (r *resolution) valid(ders [][]byte, address string) [][]byte {
	var out [][]byte
	for _, der := range ders {
		if len(der) > directory.MaxCertificate || len(out) == directory.MaxCertificates {
			continue
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil || !encryptsMail(cert, r.now) {
			continue
		}
		if named := directory.CertifiedAddresses(cert); address != "" && len(named) > 0 &&
			!slices.ContainsFunc(named, func(s string) bool { return strings.EqualFold(s, address) }) {
			continue
		}
		out = append(out, der)
	}
	return out
}

// encryptsMail tells whether mail can be encrypted with a certificate (RFC 8550
// 4.4.2, 4.4.4).
func encryptsMail(c *x509.Certificate, now time.Time) bool {
	const encrypts = x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement | x509.KeyUsageDataEncipherment
	switch {
	case c.IsCA || now.Before(c.NotBefore) || now.After(c.NotAfter):
		return false
	case c.KeyUsage != 0 && c.KeyUsage&encrypts == 0:
		return false
	}
	return forMail(c)
}

// forMail tells whether a certificate's extended usage allows mail.
func forMail(c *x509.Certificate) bool {
	if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageEmailProtection) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// pictures bounds those of one To (MS-ASCMD_R3290).
func (r *resolution) pictures() *pictures {
	if r.picture == nil {
		return nil
	}
	return newPictures(r.picture.MaxSize, r.picture.MaxPictures)
}

// picturesOf is a recipient's picture, or why there is none (MS-ASCMD_R3287,
// R3288, R3289).
func (r *resolution) picturesOf(m *match, wanted *pictures) (eas.ResolvePictureData, error) {
	photo, err := r.photo(m)
	if err != nil {
		return eas.ResolvePictureData{}, err
	}
	if why := wanted.refuse(photo, r.room); why != 0 {
		return eas.ResolvePictureData{Status: eas.ResolveRecipientsStatus(why)}, nil
	}
	r.room -= int64(len(photo))
	return eas.ResolvePictureData{Status: eas.ResolveRecipientsStatusSuccess, Data: photo}, nil
}

func (r *resolution) photo(m *match) ([]byte, error) {
	if m.contact == nil {
		return r.h.photo(r.ctx, m.entry)
	}
	card, err := r.h.card(r.ctx, &m.contact.item)
	if errors.Is(err, errNoCard) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return card.Photo(), nil
}
