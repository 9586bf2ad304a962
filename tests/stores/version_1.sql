BEGIN TRANSACTION;
CREATE TABLE crmsync_addresses (
	address TEXT NOT NULL, 
	person_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	PRIMARY KEY (address), 
	FOREIGN KEY(person_id) REFERENCES crmsync_people (id)
)
 WITHOUT ROWID

;
INSERT INTO "crmsync_addresses" VALUES('ann@a.example',1,0);
INSERT INTO "crmsync_addresses" VALUES('cy@b.example',2,0);
INSERT INTO "crmsync_addresses" VALUES('dee@b.example',4,0);
INSERT INTO "crmsync_addresses" VALUES('eve@a.example',5,0);
INSERT INTO "crmsync_addresses" VALUES('noreply@bank.example',3,0);
CREATE TABLE crmsync_channels (
	"key" TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	visibility TEXT NOT NULL, 
	settings TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "crmsync_channels" VALUES('mia-mail','mia','everything','{"addresses":["mia@acme.com"],"contacts":"sent","meeting_contacts":"everyone","consumer_contacts":true,"group_contacts":false,"declined_contacts":true,"largest_meeting":null,"selection":{"mode":"all","collections":[]},"blocked":[],"group_mail":false,"invitation_mail":false,"known_contacts_only":false,"start":null,"window":{"past_days":365,"future_days":365}}');
INSERT INTO "crmsync_channels" VALUES('leo-mail','leo','subject','{"addresses":["leo@acme.com"],"contacts":"sent","meeting_contacts":"everyone","consumer_contacts":true,"group_contacts":false,"declined_contacts":true,"largest_meeting":null,"selection":{"mode":"all","collections":[]},"blocked":[],"group_mail":false,"invitation_mail":false,"known_contacts_only":false,"start":null,"window":{"past_days":365,"future_days":365}}');
CREATE TABLE crmsync_companies (
	domain TEXT NOT NULL, 
	name TEXT NOT NULL, 
	PRIMARY KEY (domain)
);
INSERT INTO "crmsync_companies" VALUES('a.example','A.Example');
INSERT INTO "crmsync_companies" VALUES('b.example','B.Example');
INSERT INTO "crmsync_companies" VALUES('bank.example','Bank.Example');
CREATE TABLE crmsync_ledger (
	stream_id INTEGER NOT NULL, 
	item_id TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	PRIMARY KEY (stream_id, item_id), 
	FOREIGN KEY(stream_id) REFERENCES crmsync_streams (id)
)
 WITHOUT ROWID

;
INSERT INTO "crmsync_ledger" VALUES(1,'1','stored','accepted','',0);
INSERT INTO "crmsync_ledger" VALUES(1,'2','stored','accepted','',0);
INSERT INTO "crmsync_ledger" VALUES(1,'3','stored','accepted','',0);
INSERT INTO "crmsync_ledger" VALUES(1,'4','excluded','internal','',0);
INSERT INTO "crmsync_ledger" VALUES(1,'5','skipped','unreadable','no charset',2);
INSERT INTO "crmsync_ledger" VALUES(1,'plan.ics','stored','accepted','',0);
INSERT INTO "crmsync_ledger" VALUES(2,'77','stored','accepted','',0);
INSERT INTO "crmsync_ledger" VALUES(2,'78','stored','accepted','',0);
INSERT INTO "crmsync_ledger" VALUES(2,'79','stored','accepted','',0);
INSERT INTO "crmsync_ledger" VALUES(2,'80','leaving','deleted','',1);
CREATE TABLE crmsync_links (
	stream_id INTEGER NOT NULL, 
	item_id TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	record_id INTEGER NOT NULL, 
	held BOOLEAN NOT NULL, 
	collections TEXT NOT NULL, 
	PRIMARY KEY (stream_id, item_id, position), 
	FOREIGN KEY(stream_id) REFERENCES crmsync_streams (id), 
	FOREIGN KEY(record_id) REFERENCES crmsync_records (id)
)
 WITHOUT ROWID

;
INSERT INTO "crmsync_links" VALUES(1,'1',0,1,0,'[{"id":"INBOX","name":"Inbox","role":"none","color":null,"owner":null,"writable":true}]');
INSERT INTO "crmsync_links" VALUES(1,'2',0,2,1,'[{"id":"INBOX","name":"Inbox","role":"none","color":null,"owner":null,"writable":true}]');
INSERT INTO "crmsync_links" VALUES(1,'3',0,3,0,'[{"id":"INBOX","name":"Inbox","role":"none","color":null,"owner":null,"writable":true}]');
INSERT INTO "crmsync_links" VALUES(1,'plan.ics',0,4,0,'[]');
INSERT INTO "crmsync_links" VALUES(1,'plan.ics',1,5,0,'[]');
INSERT INTO "crmsync_links" VALUES(1,'plan.ics',2,6,0,'[]');
INSERT INTO "crmsync_links" VALUES(2,'77',0,1,0,'[{"id":"INBOX","name":"Inbox","role":"none","color":null,"owner":null,"writable":true}]');
INSERT INTO "crmsync_links" VALUES(2,'78',0,7,0,'[{"id":"INBOX","name":"Inbox","role":"none","color":null,"owner":null,"writable":true}]');
INSERT INTO "crmsync_links" VALUES(2,'79',0,8,0,'[{"id":"INBOX","name":"Inbox","role":"none","color":null,"owner":null,"writable":true}]');
CREATE TABLE crmsync_participants (
	record_id INTEGER NOT NULL, 
	address TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (record_id, address), 
	FOREIGN KEY(record_id) REFERENCES crmsync_records (id)
)
 WITHOUT ROWID

;
INSERT INTO "crmsync_participants" VALUES(1,'ann@a.example',1772366400000000);
INSERT INTO "crmsync_participants" VALUES(4,'ann@a.example',1772366400000000);
INSERT INTO "crmsync_participants" VALUES(5,'ann@a.example',1772971200000000);
INSERT INTO "crmsync_participants" VALUES(6,'ann@a.example',1773576000000000);
INSERT INTO "crmsync_participants" VALUES(3,'cy@b.example',1772366520000000);
INSERT INTO "crmsync_participants" VALUES(7,'cy@b.example',1772366520000000);
INSERT INTO "crmsync_participants" VALUES(8,'dee@b.example',1772366580000000);
INSERT INTO "crmsync_participants" VALUES(3,'leo@acme.com',1772366520000000);
INSERT INTO "crmsync_participants" VALUES(7,'leo@acme.com',1772366520000000);
INSERT INTO "crmsync_participants" VALUES(8,'leo@acme.com',1772366580000000);
INSERT INTO "crmsync_participants" VALUES(1,'mia@acme.com',1772366400000000);
INSERT INTO "crmsync_participants" VALUES(4,'mia@acme.com',1772366400000000);
INSERT INTO "crmsync_participants" VALUES(2,'mia@acme.com',1772366460000000);
INSERT INTO "crmsync_participants" VALUES(3,'mia@acme.com',1772366520000000);
INSERT INTO "crmsync_participants" VALUES(7,'mia@acme.com',1772366520000000);
INSERT INTO "crmsync_participants" VALUES(5,'mia@acme.com',1772971200000000);
INSERT INTO "crmsync_participants" VALUES(6,'mia@acme.com',1773576000000000);
INSERT INTO "crmsync_participants" VALUES(2,'noreply@bank.example',1772366460000000);
CREATE TABLE crmsync_people (
	id INTEGER NOT NULL, 
	first TEXT NOT NULL, 
	last TEXT NOT NULL, 
	company TEXT, 
	deleted BOOLEAN NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "crmsync_people" VALUES(1,'Ann','Lee','a.example',0);
INSERT INTO "crmsync_people" VALUES(2,'','','b.example',0);
INSERT INTO "crmsync_people" VALUES(3,'Bank','','bank.example',0);
INSERT INTO "crmsync_people" VALUES(4,'Dee','','b.example',0);
INSERT INTO "crmsync_people" VALUES(5,'','',NULL,1);
CREATE TABLE crmsync_records (
	id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	digest BLOB NOT NULL, 
	kind TEXT NOT NULL, 
	level SMALLINT NOT NULL, 
	at BIGINT NOT NULL, 
	thread TEXT NOT NULL, 
	sequence BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	uid TEXT, 
	title TEXT, 
	data TEXT NOT NULL, 
	text TEXT, 
	PRIMARY KEY (id), 
	CONSTRAINT crmsync_records_content UNIQUE ("key", digest)
);
INSERT INTO "crmsync_records" VALUES(1,'m-eb06050656da5975ad0e37a43ebf02a5',X'6B3177E61070CEA0FA31489A40EA9257','message',3,1772366400000000,'t-69bfbe74d2342bd57111ff480d49ca2e',0,0,'a@fake.example','About a','{"message_id":"a@fake.example","date":"2026-03-01T12:00:00Z","participants":[{"address":"ann@a.example","role":"from"},{"address":"mia@acme.com","role":"to"}]}','Grüße,
''quoted'' \ and "double" 🧭');
INSERT INTO "crmsync_records" VALUES(2,'m-295e28cfb90bd2a512522bf857a0471b',X'BA2B7ED8B34EE1DEFF51DFB9F775276C','message',3,1772366460000000,'t-256f2c7c4daa0e56a4e4e5cdfeac7af9',0,0,'code@fake.example','About code','{"message_id":"code@fake.example","date":"2026-03-01T12:01:00Z","participants":[{"address":"noreply@bank.example","role":"from"},{"address":"mia@acme.com","role":"to"}]}','123456');
INSERT INTO "crmsync_records" VALUES(3,'m-0b78fdc1c72bec914e389c7a74fda258',X'FB5B5C1249917956BC81464CB8B03C6B','message',3,1772366520000000,'t-69bfbe74d2342bd57111ff480d49ca2e',0,0,'b@fake.example','About b','{"message_id":"b@fake.example","date":"2026-03-01T12:02:00Z","participants":[{"address":"cy@b.example","role":"from"},{"address":"mia@acme.com","role":"to"},{"address":"leo@acme.com","role":"to"}],"references":["a@fake.example"]}','The text of b.');
INSERT INTO "crmsync_records" VALUES(4,'e-b51a82f836db546b962e838df0b6b203',X'3A4D4DB4159C993879815E1BA215289E','event',3,1772366400000000,'s-2381c6346268431349c4ffa42260b097',0,0,'plan@fake.example','Wöchentlich 🧭','{"uid":"plan@fake.example","recurrence_id":"2026-03-01T12:00:00Z","start":"2026-03-01T12:00:00Z","end":"2026-03-01T12:00:00Z","participants":[{"address":"ann@a.example","role":"attendee"},{"address":"mia@acme.com","role":"attendee"}]}',NULL);
INSERT INTO "crmsync_records" VALUES(5,'e-85a7cd1291d19b43dd5144c549e287d7',X'9D088D8B5B80250B2F8FF92454C4A48B','event',3,1772971200000000,'s-2381c6346268431349c4ffa42260b097',0,0,'plan@fake.example','Wöchentlich 🧭','{"uid":"plan@fake.example","recurrence_id":"2026-03-08T12:00:00Z","start":"2026-03-08T12:00:00Z","end":"2026-03-08T12:00:00Z","participants":[{"address":"ann@a.example","role":"attendee"},{"address":"mia@acme.com","role":"attendee"}]}',NULL);
INSERT INTO "crmsync_records" VALUES(6,'e-16d65e59d27c30dfeeed07b86acab7a1',X'CF7269C3C5CC8372D5A20F9A2C45BE5D','event',3,1773576000000000,'s-2381c6346268431349c4ffa42260b097',0,0,'plan@fake.example','Wöchentlich 🧭','{"uid":"plan@fake.example","recurrence_id":"2026-03-15T12:00:00Z","start":"2026-03-15T12:00:00Z","end":"2026-03-15T12:00:00Z","participants":[{"address":"ann@a.example","role":"attendee"},{"address":"mia@acme.com","role":"attendee"}]}',NULL);
INSERT INTO "crmsync_records" VALUES(7,'m-0b78fdc1c72bec914e389c7a74fda258',X'27E291E11EE971EB773E1074A3BDEEB2','message',3,1772366520000000,'t-69bfbe74d2342bd57111ff480d49ca2e',0,0,'b@fake.example','About b','{"message_id":"b@fake.example","date":"2026-03-01T12:02:00Z","participants":[{"address":"cy@b.example","role":"from"},{"address":"mia@acme.com","role":"to"},{"address":"leo@acme.com","role":"to"}],"references":["a@fake.example"]}','With a footer.');
INSERT INTO "crmsync_records" VALUES(8,'m-a4a30195b8cb268e1af1819f249b9889',X'2FEF5C40A2C826D1D779859CC43849CD','message',3,1772366580000000,'t-8740ec201c685b4d97d388f309a6f321',0,0,'own@fake.example',NULL,'{"message_id":"own@fake.example","date":"2026-03-01T12:03:00Z","participants":[{"address":"leo@acme.com","role":"from"},{"address":"dee@b.example","role":"to"}]}',NULL);
CREATE TABLE crmsync_schema (
	version INTEGER NOT NULL
);
INSERT INTO "crmsync_schema" VALUES(1);
CREATE TABLE crmsync_streams (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	cursor TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "crmsync_streams" VALUES(1,'mia-mail/INBOX','mia-mail','cursor 1');
INSERT INTO "crmsync_streams" VALUES(2,'leo-mail/INBOX','leo-mail','cursor 3');
CREATE INDEX crmsync_records_uid ON crmsync_records (uid);
CREATE INDEX crmsync_records_at ON crmsync_records (at, "key", level);
CREATE INDEX crmsync_records_thread ON crmsync_records (thread, at);
CREATE INDEX crmsync_people_company ON crmsync_people (company);
CREATE INDEX crmsync_ledger_outcome ON crmsync_ledger (stream_id, outcome);
CREATE INDEX crmsync_links_record ON crmsync_links (record_id);
CREATE INDEX crmsync_participants_address ON crmsync_participants (address, at);
CREATE INDEX crmsync_addresses_person ON crmsync_addresses (person_id);
COMMIT;
