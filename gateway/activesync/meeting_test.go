package activesync_test

// invitation is a meeting request as Outlook sends one.
var invitation = crlf(`From: Ben Birch <ben@example.com>
To: anna@example.org
Subject: Planning
Date: Mon, 01 Jun 2026 10:00:00 +0000
Message-ID: <planning@example.com>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=utf-8

Let us plan.
--a
Content-Type: text/calendar; charset=utf-8; method=REQUEST

BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
METHOD:REQUEST
BEGIN:VEVENT
UID:planning-1@example.com
DTSTAMP:20260601T095500Z
DTSTART:20260610T100000Z
DTEND:20260610T110000Z
SUMMARY:Planning
LOCATION:Room 1
ORGANIZER;CN=Ben Birch:mailto:ben@example.com
ATTENDEE;CN=Anna Ash;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:anna@example.org
SEQUENCE:0
END:VEVENT
END:VCALENDAR
--a--
`)
