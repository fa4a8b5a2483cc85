package pushtest

// RootsPEM is Roots for a sender that reads it from a file.
func (f *FCM) RootsPEM() []byte { return f.l.authority.pem() }

// RootsPEM is Roots for a sender that reads it from a file.
func (w *WebPush) RootsPEM() []byte { return w.listener.authority.pem() }
