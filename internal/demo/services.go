package demo

import (
	"slices"

	"martlet/push/pushtest"
)

// The names by which the demo's apps register.
const (
	appleApp  = "demo-ios"
	googleApp = "demo-android"
	webApp    = "demo-web"
	// topic is the bundle id of the app of Apple's devices.
	topic = "example.demo.mail"
)

// Services are local stand-ins for Apple's, Google's and a Web Push service,
// which refuse what the real ones refuse. The demo's apps sleep behind them.
type Services struct {
	apns *pushtest.APNs
	fcm  *pushtest.FCM
	web  *pushtest.WebPush
	key  pushtest.APNsKey
	apps *apps // once they have registered
}

// NewServices starts them. The caller must Close them.
func NewServices() (s *Services, err error) {
	s = &Services{}
	defer func() {
		if err != nil {
			s.Close()
			s = nil
		}
	}()
	if s.apns, err = pushtest.NewAPNs(); err != nil {
		return s, err
	}
	if s.key, err = s.apns.NewKey("DEMOTEAM01", topic); err != nil {
		return s, err
	}
	if s.fcm, err = pushtest.NewFCM(); err != nil {
		return s, err
	}
	s.web, err = pushtest.NewWebPush()
	return s, err
}

// Close ends the services.
func (s *Services) Close() error {
	var err error
	if s.apns != nil {
		err = s.apns.Close()
	}
	if s.fcm != nil {
		s.fcm.Close()
	}
	if s.web != nil {
		s.web.Close()
	}
	return err
}

// Accounts is what an administrator gets from Apple and Google, and where their
// services are, for a server's configuration.
type Accounts struct {
	AppleName, Topic, KeyID, TeamID string
	Key                             []byte // .p8
	APNs                            string // address
	GoogleName                      string
	ServiceAccount                  []byte // JSON
	FCM                             string // address of the API, with its version
	WebName                         string
	Web                             string // address
	Roots                           []byte // PEM
}

// Accounts tells them.
func (s *Services) Accounts() Accounts {
	return Accounts{
		AppleName: appleApp, Topic: topic, KeyID: s.key.KeyID, TeamID: s.key.TeamID, Key: s.key.P8, APNs: s.apns.HostURL(),
		GoogleName: googleApp, ServiceAccount: s.fcm.ServiceAccount(), FCM: s.fcm.Endpoint(),
		WebName: webApp, Web: s.web.Origin(),
		Roots: slices.Concat(s.apns.RootsPEM(), s.fcm.RootsPEM(), s.web.RootsPEM()),
	}
}
