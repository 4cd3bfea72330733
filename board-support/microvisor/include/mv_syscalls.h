/*
 * Generated from the tables in mvsdk/abi/microvisor. Do not edit: change the tables, then run `python -m mvsdk.abi.generate`.
 */

#ifndef MV_SYSCALLS_H
#define MV_SYSCALLS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** names a notification centre; chosen at random by the kernel, never zero */
typedef struct MvNotificationHandleOpaque *MvNotificationHandle;

/** names a hold on the network; chosen at random by the kernel, never zero */
typedef struct MvNetworkHandleOpaque *MvNetworkHandle;

/** names a channel; assigned by the kernel, never zero */
typedef struct MvChannelHandleOpaque *MvChannelHandle;

/** names a stream of system events; assigned by the kernel, never zero */
typedef struct MvSystemEventHandleOpaque *MvSystemEventHandle;

/** names an opening of the external flash; assigned by the kernel, never zero */
typedef struct MvExternalFlashHandleOpaque *MvExternalFlashHandle;

/* Constants beyond int and unions without a name are part of the interface, whatever -Wpedantic thinks of them. */
#ifdef __GNUC__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#endif

/** result of every call */
enum MvStatus {
    /** call accepted / succeeded */
    MV_STATUS_OKAY = 0x0,
    /** wall clock has no value yet because the cloud has not supplied time since boot */
    MV_STATUS_TIMENOTSET = 0x1,
    /** pointer argument outside memory the app may read or write (also reused for bad mode values) */
    MV_STATUS_PARAMETERFAULT = 0x2,
    /** buffer too small or wrongly sized for the call; also log buffer full */
    MV_STATUS_INVALIDBUFFERSIZE = 0x3,
    /** register address not supported by peek/poke or not word aligned */
    MV_STATUS_PERIPHERALACCESSFAULT = 0x4,
    /** buffer overlaps one already owned by another kernel object */
    MV_STATUS_BUFFERALREADYINUSE = 0x5,
    /** IRQ not usable by the app or already claimed */
    MV_STATUS_INVALIDINTERRUPT = 0x6,
    /** handle unknown or of another object kind */
    MV_STATUS_INVALIDHANDLE = 0x7,
    /** notification centre limit reached (32) */
    MV_STATUS_TOOMANYNOTIFICATIONBUFFERS = 0x8,
    /** vector table or handler for a fast interrupt is not in non-secure memory */
    MV_STATUS_INVALIDVECTOR = 0x9,
    /** not possible in the present state (called from ISR, outside test mode, logging not initialised...) */
    MV_STATUS_UNAVAILABLE = 0xa,
    /** version field of a versioned struct not supported (only 1 is) */
    MV_STATUS_UNSUPPORTEDSTRUCTUREVERSION = 0xb,
    /** channel limit reached (4); also external-flash handle limit (32) */
    MV_STATUS_TOOMANYCHANNELS = 0xc,
    /** endpoint string not recognised */
    MV_STATUS_UNKNOWNCHANNELENDPOINT = 0xd,
    /** channel type value not recognised */
    MV_STATUS_UNKNOWNCHANNELTYPE = 0xe,
    /** channel has already been closed */
    MV_STATUS_CHANNELCLOSED = 0xf,
    /** needs a live server connection */
    MV_STATUS_NETWORKNOTCONNECTED = 0x10,
    /** called too often; back off */
    MV_STATUS_RATELIMITED = 0x11,
    /** buffer address (or flash address/length) not aligned as required */
    MV_STATUS_INVALIDBUFFERALIGNMENT = 0x12,
    /** fault detected after part of the work had been done */
    MV_STATUS_LATEFAULT = 0x13,
    /** no response available to read yet */
    MV_STATUS_RESPONSENOTPRESENT = 0x14,
    /** item/header index out of range (named HEADERINDEXINVALID before March 2023) */
    MV_STATUS_INDEXINVALID = 0x15,
    /** offset beyond end of HTTP body */
    MV_STATUS_OFFSETINVALID = 0x16,
    /** this single-shot channel has already carried its request */
    MV_STATUS_REQUESTALREADYSENT = 0x17,
    /** request failed so there is no data to read */
    MV_STATUS_REQUESTUNSUCCESSFUL = 0x18,
    /** log message longer than the allowed maximum */
    MV_STATUS_LOGMESSAGETOOLONG = 0x19,
    /** cloud has switched device logging off */
    MV_STATUS_LOGGINGDISABLEDBYSERVER = 0x1a,
    /** too many keys in one config fetch */
    MV_STATUS_TOOMANYCONFIGKEYS = 0x1b,
    /** config store selector invalid */
    MV_STATUS_UNKNOWNCONFIGSTORE = 0x1c,
    /** config scope selector invalid */
    MV_STATUS_UNKNOWNCONFIGSCOPE = 0x1d,
    /** config key invalid; only printable ASCII allowed */
    MV_STATUS_INVALIDCONFIGKEY = 0x1e,
    /** authentication parameters invalid */
    MV_STATUS_INVALIDAUTHENTICATION = 0x1f,
    /** the pending data is of another kind than the one asked for */
    MV_STATUS_WRONGDATAREQUESTED = 0x20,
    /** unexpected kernel fault */
    MV_STATUS_INTERNALERROR = 0x21,
    /** array argument too long (32 headers / 8 certs / 8 topics) */
    MV_STATUS_TOOMANYELEMENTS = 0x22,
    /** a mandatory member of the request is empty */
    MV_STATUS_REQUIREDELEMENTMISSING = 0x23,
    /** kernel is busy (for example network still active) (SDK 0.6.5+) */
    MV_STATUS_MICROVISORBUSY = 0x24,
    /** address or length beyond the available area (SDK 0.7.0+) */
    MV_STATUS_ADDRESSOUTOFRANGE = 0x25,
    /** input buffer longer than its use allows (SDK 0.7.0+) */
    MV_STATUS_INPUTTOOLONG = 0x26,
    /** never used; makes the type 4 bytes wide */
    MV_STATUS__MAX = 0xffffffff,
};

/** what a notification is about */
enum MvEventType {
    /** empty slot marker; never a real event */
    MV_EVENTTYPE_NOEVENT = 0x0,
    /** network handle or system network source changed state */
    MV_EVENTTYPE_NETWORKSTATUSCHANGED = 0x1,
    /** channel has data or a response to read */
    MV_EVENTTYPE_CHANNELDATAREADABLE = 0x2,
    /** channel send buffer has room again (noted as possibly going away) */
    MV_EVENTTYPE_CHANNELDATAWRITESPACE = 0x3,
    /** channel has become disconnected */
    MV_EVENTTYPE_CHANNELNOTCONNECTED = 0x4,
    /** system update source: an update is staged and ready (SDK 0.6.5+) */
    MV_EVENTTYPE_UPDATEDOWNLOADED = 0x5,
    /** never used; makes the type 4 bytes wide */
    MV_EVENTTYPE__MAX = 0xffffffff,
};

/** state of the connection to the cloud */
enum MvNetworkStatus {
    /** offline, no connection wanted or attempted */
    MV_NETWORKSTATUS_DELIBERATELYOFFLINE = 0x0,
    /** connected to the cloud (the names of 1 and 2 are right, the official comments on them swapped) */
    MV_NETWORKSTATUS_CONNECTED = 0x1,
    /** attempting to connect (see note on CONNECTED) */
    MV_NETWORKSTATUS_CONNECTING = 0x2,
    /** link layer up but no server session (SDK 0.6.5+) */
    MV_NETWORKSTATUS_DISCONNECTEDWITHLINKUP = 0x3,
    /** never used; makes the type 4 bytes wide */
    MV_NETWORKSTATUS__MAX = 0xffffffff,
};

/** what keeps the device online or offline, a bit each */
enum MvNetworkReason {
    /** no reason pending; nothing prevents connection */
    MV_NETWORKREASON_NOTCONNECTING = 0x0,
    /** bit 0: app holds at least one network handle */
    MV_NETWORKREASON_USINGNETWORK = 0x1,
    /** bit 1: app has never called the network API, so kernel stays online by itself */
    MV_NETWORKREASON_NEVERUSEDNETWORKAPI = 0x2,
    /** bit 2: check-in period elapsed */
    MV_NETWORKREASON_MINIMUMCHECKINEXPIRED = 0x4,
    /** bit 3: clock not yet set */
    MV_NETWORKREASON_RTCNOTSET = 0x8,
    /** bit 4: kernel error to report */
    MV_NETWORKREASON_KERNELERROR = 0x10,
    /** bit 5: application error to report */
    MV_NETWORKREASON_APPLICATIONERROR = 0x20,
    /** bit 6: cold boot, checking for updates */
    MV_NETWORKREASON_COLDBOOTCONNECTION = 0x40,
    /** bit 7: background update download */
    MV_NETWORKREASON_FETCHINGUPDATE = 0x80,
    /** bit 8: debug session active */
    MV_NETWORKREASON_DEBUGGERATTACHED = 0x100,
    /** bit 9: no app installed */
    MV_NETWORKREASON_NOAPPLICATIONCODE = 0x200,
    /** bit 11: backing off (this one PREVENTS connection); bit 10 is unused */
    MV_NETWORKREASON_ENHANCECALM = 0x800,
    /** never used; makes the type 4 bytes wide */
    MV_NETWORKREASON__MAX = 0xffffffff,
};

/** what a channel carries */
enum MvChannelType {
    /** raw byte stream channel */
    MV_CHANNELTYPE_OPAQUEBYTES = 0x0,
    /** managed MQTT client channel */
    MV_CHANNELTYPE_MQTT = 0x1,
    /** single HTTP request/response channel */
    MV_CHANNELTYPE_HTTP = 0x2,
    /** single config/secret fetch channel */
    MV_CHANNELTYPE_CONFIGFETCH = 0x3,
    /** never used; makes the type 4 bytes wide */
    MV_CHANNELTYPE__MAX = 0xffffffff,
};

/** why a channel is closed */
enum MvClosureReason {
    /** not closed, or reason unknown */
    MV_CLOSUREREASON_NONE = 0x0,
    /** orderly close by server */
    MV_CLOSUREREASON_CHANNELCLOSEDBYSERVER = 0x1,
    /** reset by server */
    MV_CLOSUREREASON_CHANNELRESETBYSERVER = 0x2,
    /** network went away */
    MV_CLOSUREREASON_NETWORKDISCONNECTED = 0x3,
    /** server connection ended by error */
    MV_CLOSUREREASON_CONNECTIONTERMINATED = 0x4,
    /** open never called or failed */
    MV_CLOSUREREASON_NOTYETOPEN = 0x5,
    /** app closed it */
    MV_CLOSUREREASON_CLOSEDBYAPPLICATION = 0x6,
    /** ended, cause unclear */
    MV_CLOSUREREASON_UNEXPECTEDLYTERMINATED = 0x7,
    /** never used; makes the type 4 bytes wide */
    MV_CLOSUREREASON__MAX = 0xffffffff,
};

/** what became of an HTTP request, apart from the HTTP status */
enum MvHttpResult {
    /** request was carried out (HTTP status is separate) */
    MV_HTTPRESULT_OK = 0x0,
    /** URL scheme is not https */
    MV_HTTPRESULT_UNSUPPORTEDURISCHEME = 0x1,
    /** method not in the allowed set */
    MV_HTTPRESULT_UNSUPPORTEDMETHOD = 0x2,
    /** request headers malformed */
    MV_HTTPRESULT_INVALIDHEADERS = 0x3,
    /** timeout outside 5000..10000 ms */
    MV_HTTPRESULT_INVALIDTIMEOUT = 0x4,
    /** request failed (no detail given; transport failure or timeout inferred) */
    MV_HTTPRESULT_REQUESTFAILED = 0x5,
    /** response does not fit the channel receive buffer */
    MV_HTTPRESULT_RESPONSETOOLARGE = 0x6,
    /** never used; makes the type 4 bytes wide */
    MV_HTTPRESULT__MAX = 0xffffffff,
};

/** whom a configuration item belongs to */
enum MvConfigKeyFetchScope {
    /** key shared by all devices of the account */
    MV_CONFIGKEYFETCHSCOPE_ACCOUNT = 0x0,
    /** key private to this device */
    MV_CONFIGKEYFETCHSCOPE_DEVICE = 0x1,
    /** never used; makes the type 4 bytes wide */
    MV_CONFIGKEYFETCHSCOPE__MAX = 0xffffffff,
};

/** which store a configuration item lies in */
enum MvConfigKeyFetchStore {
    /** REST Secrets store (write-only from REST) */
    MV_CONFIGKEYFETCHSTORE_SECRET = 0x0,
    /** REST Configs store (readable from REST) */
    MV_CONFIGKEYFETCHSTORE_CONFIG = 0x1,
    /** never used; makes the type 4 bytes wide */
    MV_CONFIGKEYFETCHSTORE__MAX = 0xffffffff,
};

/** what became of a configuration fetch as a whole */
enum MvConfigFetchResult {
    /** fetch as a whole worked */
    MV_CONFIGFETCHRESULT_OK = 0x0,
    /** response too large (for the receive buffer: inferred) */
    MV_CONFIGFETCHRESULT_RESPONSETOOLARGE = 0x1,
    /** never used; makes the type 4 bytes wide */
    MV_CONFIGFETCHRESULT__MAX = 0xffffffff,
};

/** what became of one item of a configuration fetch */
enum MvConfigKeyFetchResult {
    /** value found */
    MV_CONFIGKEYFETCHRESULT_OK = 0x0,
    /** no such key */
    MV_CONFIGKEYFETCHRESULT_KEYNOTFOUND = 0x1,
    /** server-side failure for this key */
    MV_CONFIGKEYFETCHRESULT_SERVERERROR = 0x2,
    /** never used; makes the type 4 bytes wide */
    MV_CONFIGKEYFETCHRESULT__MAX = 0xffffffff,
};

/** what waits on an MQTT channel */
enum MvMqttReadableDataType {
    /** nothing waiting */
    MV_MQTTREADABLEDATATYPE_NONE = 0x0,
    /** incoming PUBLISH waiting */
    MV_MQTTREADABLEDATATYPE_MESSAGERECEIVED = 0x1,
    /** details of a dropped incoming message waiting */
    MV_MQTTREADABLEDATATYPE_MESSAGELOST = 0x2,
    /** CONNECT outcome waiting */
    MV_MQTTREADABLEDATATYPE_CONNECTRESPONSE = 0x3,
    /** SUBSCRIBE outcome waiting */
    MV_MQTTREADABLEDATATYPE_SUBSCRIBERESPONSE = 0x4,
    /** UNSUBSCRIBE outcome waiting */
    MV_MQTTREADABLEDATATYPE_UNSUBSCRIBERESPONSE = 0x5,
    /** PUBLISH outcome waiting */
    MV_MQTTREADABLEDATATYPE_PUBLISHRESPONSE = 0x6,
    /** disconnect outcome waiting */
    MV_MQTTREADABLEDATATYPE_DISCONNECTRESPONSE = 0x7,
    /** never used; makes the type 4 bytes wide */
    MV_MQTTREADABLEDATATYPE__MAX = 0xffffffff,
};

/** version of the MQTT protocol */
enum MvMqttProtocolVersion {
    /** MQTT 3.1.1 */
    MV_MQTTPROTOCOLVERSION_V3_1_1 = 0x0,
    /** MQTT 5 */
    MV_MQTTPROTOCOLVERSION_V5 = 0x1,
    /** never used; makes the type 4 bytes wide */
    MV_MQTTPROTOCOLVERSION__MAX = 0xffffffff,
};

/** how the client proves who it is */
enum MvMqttAuthenticationMethod {
    /** no username/password (the official header marks this enum v5 only) */
    MV_MQTTAUTHENTICATIONMETHOD_NONE = 0x0,
    /** username and password */
    MV_MQTTAUTHENTICATIONMETHOD_USERNAMEPASSWORD = 0x1,
    /** never used; makes the type 1 byte wide */
    MV_MQTTAUTHENTICATIONMETHOD__MAX = 0xff,
};

/** what became of an MQTT request */
enum MvMqttRequestState {
    /** request finished; look at reason code */
    MV_MQTTREQUESTSTATE_REQUESTCOMPLETED = 0x0,
    /** request contents rejected */
    MV_MQTTREQUESTSTATE_INVALIDPARAMETERS = 0x1,
    /** channel already used for a connect; open a new one */
    MV_MQTTREQUESTSTATE_ALREADYCONNECTED = 0x2,
    /** no broker session at the time */
    MV_MQTTREQUESTSTATE_NOTCONNECTED = 0x3,
    /** broker host did not resolve (connect only) */
    MV_MQTTREQUESTSTATE_NXDOMAIN = 0x4,
    /** CA not trusted (connect only) */
    MV_MQTTREQUESTSTATE_UNKNOWNCA = 0x5,
    /** certificate expired (connect only) */
    MV_MQTTREQUESTSTATE_CERTIFICATEEXPIRED = 0x6,
    /** other socket failure (connect only) */
    MV_MQTTREQUESTSTATE_SOCKETERROR = 0x7,
    /** server cut the session because inbound messages exceeded its rate limit */
    MV_MQTTREQUESTSTATE_CONNECTIONCIRCUITBREAKER = 0x8,
    /** never used; makes the type 4 bytes wide */
    MV_MQTTREQUESTSTATE__MAX = 0xffffffff,
};

/** why an incoming message was dropped */
enum MvMqttLostMessageReason {
    /** message larger than the channel receive buffer */
    MV_MQTTLOSTMESSAGEREASON_DEVICERECEIVEBUFFERTOOSMALL = 0x0,
    /** never used; makes the type 4 bytes wide */
    MV_MQTTLOSTMESSAGEREASON__MAX = 0xffffffff,
};

/** power-saving modes that keep the program going */
enum MvPowerSavingMode {
    /** STM32U5 Sleep */
    MV_POWERSAVINGMODE_SLEEP = 0x0,
    /** STM32U5 Stop 0 */
    MV_POWERSAVINGMODE_STOP0 = 0x1,
    /** STM32U5 Stop 1 */
    MV_POWERSAVINGMODE_STOP1 = 0x2,
    /** STM32U5 Stop 2 */
    MV_POWERSAVINGMODE_STOP2 = 0x3,
    /** STM32U5 Stop 3 */
    MV_POWERSAVINGMODE_STOP3 = 0x4,
    /** never used; makes the type 1 byte wide */
    MV_POWERSAVINGMODE__MAX = 0xff,
};

/** source of system events */
enum MvSystemNotificationSource {
    /** cloud connectivity events (NETWORKSTATUSCHANGED) */
    MV_SYSTEMNOTIFICATIONSOURCE_NETWORK = 0x0,
    /** app/kernel update events (UPDATEDOWNLOADED) */
    MV_SYSTEMNOTIFICATIONSOURCE_UPDATE = 0x1,
    /** never used; makes the type 4 bytes wide */
    MV_SYSTEMNOTIFICATIONSOURCE__MAX = 0xffffffff,
};

/** deep-sleep modes, which end in a fresh start */
enum MvDeepSleepMode {
    /** STM32U5 Standby */
    MV_DEEPSLEEPMODE_STANDBY = 0x0,
    /** STM32U5 Shutdown */
    MV_DEEPSLEEPMODE_SHUTDOWN = 0x1,
    /** never used; makes the type 1 byte wide */
    MV_DEEPSLEEPMODE__MAX = 0xff,
};

/** why the application was started */
enum MvWakeReason {
    /** power-on or return from Shutdown */
    MV_WAKEREASON_COLDBOOT = 0x0,
    /** cloud asked for a kernel restart */
    MV_WAKEREASON_REMOTEMICROVISORRESTART = 0x1,
    /** cloud asked for an app restart (REST RestartApp) */
    MV_WAKEREASON_REMOTEAPPLICATIONRESTART = 0x2,
    /** debugger restarted the app */
    MV_WAKEREASON_DEBUGGERRESTART = 0x3,
    /** kernel crashed */
    MV_WAKEREASON_MICROVISORCRASH = 0x4,
    /** kernel watchdog fired */
    MV_WAKEREASON_MICROVISORWATCHDOG = 0x5,
    /** kernel out of memory */
    MV_WAKEREASON_MICROVISOROUTOFMEMORY = 0x6,
    /** other kernel error */
    MV_WAKEREASON_MICROVISORERROR = 0x7,
    /** app crashed */
    MV_WAKEREASON_APPLICATIONCRASH = 0x8,
    /** app was updated */
    MV_WAKEREASON_APPLICATIONUPDATE = 0x9,
    /** kernel was updated */
    MV_WAKEREASON_MICROVISORUPDATE = 0xa,
    /** MCU option bytes changed */
    MV_WAKEREASON_OPTIONBYTES = 0xb,
    /** deep sleep ended by check-in timer */
    MV_WAKEREASON_DEEPSLEEPCHECKIN = 0xc,
    /** deep sleep ended by app-owned wake source */
    MV_WAKEREASON_DEEPSLEEPAPPLICATION = 0xd,
    /** deep sleep ended by modem interrupt */
    MV_WAKEREASON_DEEPSLEEPMODEM = 0xe,
    /** deep sleep ended by app RTC wake-up */
    MV_WAKEREASON_DEEPSLEEPAPPLICATIONRTC = 0xf,
    /** deep sleep ended, cause unclear */
    MV_WAKEREASON_DEEPSLEEPOTHER = 0x10,
    /** never used; makes the type 1 byte wide */
    MV_WAKEREASON__MAX = 0xff,
};

/** what to restart */
enum MvRestartMode {
    /** restart app or device, whichever pending updates need */
    MV_RESTARTMODE_AUTOAPPLYUPDATE = 0x0,
    /** never used; makes the type 4 bytes wide */
    MV_RESTARTMODE__MAX = 0xffffffff,
};

/** what to do with the WiFi settings */
enum MvWifiConfigMode {
    /** replace stored WiFi settings for later reconnects */
    MV_WIFICONFIGMODE_APPLYNOW = 0x0,
    /** erase WiFi settings at once and stop reconnecting */
    MV_WIFICONFIGMODE_CLEARNOW = 0x1,
    /** never used; makes the type 1 byte wide */
    MV_WIFICONFIGMODE__MAX = 0xff,
};

/** one record of a notification ring */
struct MvNotification {
    /** when the event happened, on the time base of mvGetMicroseconds */
    uint64_t microseconds;
    /** what happened; 0 marks an empty record */
    enum MvEventType event_type;
    /** the tag given when the source of the event was made */
    uint32_t tag;
};

/** what a notification centre is made of */
struct MvNotificationSetup {
    /** interrupt to pend; one per centre, and not a fast one */
    uint32_t irq;
    /** ring of records that the kernel keeps; aligned to 8 in every sample */
    struct MvNotification *buffer;
    /** size of the ring in bytes; multiple of 16 and at least 32 */
    uint32_t buffer_size;
};

/** where to post network events */
struct MvRequestNetworkParams {
    /** must be 1 */
    uint32_t version;
    union {
        struct {
            /** centre that network events go to */
            MvNotificationHandle notification_handle;
            /** tag of the records posted there */
            uint32_t notification_tag;
        } v1;
    };
};

/** bytes and how many there are, without terminator */
struct MvSizedString {
    /** the bytes */
    const uint8_t *data;
    /** number of bytes */
    uint32_t length;
};

/** what a channel is made of */
struct MvOpenChannelParams {
    /** must be 1 */
    uint32_t version;
    union {
        struct {
            /** centre that the channel's events go to */
            MvNotificationHandle notification_handle;
            /** tag of the records posted there */
            uint32_t notification_tag;
            /** hold on the network that carries the channel */
            MvNetworkHandle network_handle;
            /** buffer for incoming data that the kernel keeps until the channel is closed; aligned to 512 */
            uint8_t *receive_buffer;
            /** size in bytes; multiple of 512 */
            uint32_t receive_buffer_len;
            /** buffer for outgoing data that the kernel keeps until the channel is closed; aligned to 512 */
            uint8_t *send_buffer;
            /** size in bytes; multiple of 512 */
            uint32_t send_buffer_len;
            /** what the channel carries */
            enum MvChannelType channel_type;
            /** empty in every sample */
            struct MvSizedString endpoint;
        } v1;
    };
};

/** one request header; here the length comes first, unlike in MvSizedString */
struct MvHttpHeader {
    /** number of bytes */
    uint32_t length;
    /** the header; the form "Name: value" without line end is inferred from a sample */
    const uint8_t *data;
};

/** an HTTP request */
struct MvHttpRequest {
    /** GET, HEAD, POST, PUT, DELETE, PATCH or OPTIONS */
    struct MvSizedString method;
    /** only https */
    struct MvSizedString url;
    /** number of headers; at most 32 */
    uint32_t num_headers;
    /** the headers */
    const struct MvHttpHeader *headers;
    /** body, may be empty */
    struct MvSizedString body;
    /** time limit in milliseconds, 5000 to 10000 */
    uint32_t timeout_ms;
};

/** outcome of an HTTP request */
struct MvHttpResponseData {
    /** what became of the request; only if it is OK do the other fields count */
    enum MvHttpResult result;
    /** HTTP status */
    uint32_t status_code;
    /** number of headers in the response */
    uint32_t num_headers;
    /** length of the body in bytes */
    uint32_t body_length;
};

/** one configuration item to fetch */
struct MvConfigKeyToFetch {
    /** whom the item belongs to */
    enum MvConfigKeyFetchScope scope;
    /** which store it lies in */
    enum MvConfigKeyFetchStore store;
    /** name of the item, printable ASCII */
    struct MvSizedString key;
};

/** the configuration items to fetch */
struct MvConfigKeyFetchParams {
    /** number of items */
    uint32_t num_items;
    /** the items */
    const struct MvConfigKeyToFetch *keys_to_fetch;
};

/** outcome of a configuration fetch */
struct MvConfigResponseData {
    /** what became of the fetch as a whole */
    enum MvConfigFetchResult result;
    /** number of items, in the order in which they were asked for */
    uint32_t num_items;
};

/** room for bytes, and where to write how many were put there */
struct MvSizedStringBuffer {
    /** receives the bytes, without terminator */
    uint8_t *data;
    /** capacity in bytes */
    uint32_t size;
    /** receives the number of bytes written */
    uint32_t *length;
};

/** which configuration item to read, and to where */
struct MvConfigResponseReadItemParams {
    /** which item, counted from 0 */
    uint32_t item_index;
    /** receives what became of this item */
    enum MvConfigKeyFetchResult *result;
    /** receives the value, which may come from the secret store */
    struct MvSizedStringBuffer buf;
};

/** a user name and a password */
struct MvUsernamePassword {
    /** user name */
    struct MvSizedString username;
    /** password */
    struct MvSizedString password;
};

/** how the MQTT client proves who it is */
struct MvMqttAuthentication {
    /** in one byte, followed by 3 bytes of padding */
    enum MvMqttAuthenticationMethod method;
    /** used if the method says so */
    struct MvUsernamePassword username_password;
};

/** a chain of certificates */
struct MvTlsCertificateChain {
    /** number of certificates, at most 8; 0 means there is no chain */
    uint32_t num_certs;
    /** the certificates, DER */
    const struct MvSizedString *certs;
};

/** the client's certificates and private key */
struct MvOwnTlsCertificateChain {
    /** the certificates */
    struct MvTlsCertificateChain chain;
    /** private key, PKCS#8 DER, not encrypted */
    struct MvSizedString key;
};

/** whom to trust, and who the client is */
struct MvTlsCredentials {
    /** certificate authority of the broker; none means the common public ones */
    struct MvTlsCertificateChain cacert;
    /** the client's own */
    struct MvOwnTlsCertificateChain clientcert;
};

/** message the broker publishes if the client vanishes */
struct MvMqttWill {
    /** topic */
    struct MvSizedString topic;
    /** payload */
    struct MvSizedString payload;
    /** quality of service */
    uint32_t qos;
    /** whether the broker keeps it; one byte, followed by 3 bytes of padding */
    uint8_t retain;
};

/** a connect request */
struct MvMqttConnectRequest {
    /** version of the protocol */
    enum MvMqttProtocolVersion protocol_version;
    /** name of the broker */
    struct MvSizedString host;
    /** its TCP port; two bytes, followed by 2 bytes of padding */
    uint16_t port;
    /** client identifier */
    struct MvSizedString clientid;
    /** how the client proves who it is */
    struct MvMqttAuthentication authentication;
    /** certificates; NULL for the common public authorities and no client certificate */
    const struct MvTlsCredentials *tls_credentials;
    /** keep-alive time in seconds */
    uint32_t keepalive;
    /** whether to forget an earlier session; one byte, followed by 3 bytes of padding */
    uint8_t clean_start;
    /** last will; NULL for none */
    const struct MvMqttWill *will;
};

/** outcome of a connect request */
struct MvMqttConnectResponse {
    /** what became of the request */
    enum MvMqttRequestState request_state;
    /** the broker's reason code */
    uint32_t reason_code;
};

/** one topic to subscribe to */
struct MvMqttSubscription {
    /** topic filter */
    struct MvSizedString topic;
    /** quality of service asked for */
    uint32_t desired_qos;
    /** no-local option, MQTT 5 only */
    uint32_t nl;
    /** retain-as-published option, MQTT 5 only */
    uint32_t rap;
    /** retain-handling option, MQTT 5 only */
    uint32_t rh;
};

/** a subscribe request */
struct MvMqttSubscribeRequest {
    /** identifier of the application's choice, given back in the response */
    uint32_t correlation_id;
    /** the topics */
    const struct MvMqttSubscription *subscriptions;
    /** number of topics; at most 8 */
    uint32_t num_subscriptions;
};

/** where the outcome of a subscribe request is to be written */
struct MvMqttSubscribeResponse {
    /** receives what became of the request */
    enum MvMqttRequestState *request_state;
    /** receives the request's identifier */
    uint32_t *correlation_id;
    /** receives one reason code per topic */
    uint32_t *reason_codes;
    /**
     * the official header counts bytes here and the official sample elements, so either is accepted; only
     * this many bytes are certain to be there
     */
    uint32_t reason_codes_size;
    /** receives the number of codes written */
    uint32_t *reason_codes_len;
};

/** an unsubscribe request */
struct MvMqttUnsubscribeRequest {
    /** identifier of the application's choice, given back in the response */
    uint32_t correlation_id;
    /** the topics */
    const struct MvSizedString *topics;
    /** number of topics; at most 8 */
    uint32_t num_topics;
};

/** where the outcome of an unsubscribe request is to be written */
struct MvMqttUnsubscribeResponse {
    /** receives what became of the request */
    enum MvMqttRequestState *request_state;
    /** receives the request's identifier */
    uint32_t *correlation_id;
    /** receives one reason code per topic */
    uint32_t *reason_codes;
    /**
     * the official header counts bytes here and the official sample elements, so either is accepted; only
     * this many bytes are certain to be there
     */
    uint32_t reason_codes_size;
    /** receives the number of codes written */
    uint32_t *reason_codes_len;
};

/** a publish request */
struct MvMqttPublishRequest {
    /** identifier of the application's choice, given back in the response */
    uint32_t correlation_id;
    /** topic */
    struct MvSizedString topic;
    /** payload */
    struct MvSizedString payload;
    /** quality of service */
    uint32_t desired_qos;
    /** whether the broker keeps the message */
    uint32_t retain;
};

/** outcome of a publish request */
struct MvMqttPublishResponse {
    /** what became of the request */
    enum MvMqttRequestState request_state;
    /** the request's identifier */
    uint32_t correlation_id;
    /** the broker's reason code; always 0 for MQTT 3.1.1 */
    uint32_t reason_code;
};

/** where an incoming message is to be written */
struct MvMqttMessage {
    /** receives the identifier to acknowledge the message with */
    uint32_t *correlation_id;
    /** receives the topic */
    struct MvSizedStringBuffer topic;
    /** receives the payload */
    struct MvSizedStringBuffer payload;
    /** receives the quality of service */
    uint32_t *qos;
    /** receives, in one byte, whether the broker had kept the message */
    uint8_t *retain;
};

/** where the particulars of a dropped message are to be written */
struct MvMqttLostMessageInfo {
    /** receives the reason */
    enum MvMqttLostMessageReason *reason;
    /** receives the topic */
    struct MvSizedStringBuffer topic;
    /** receives the length of the message in bytes */
    uint32_t *message_len;
};

/** outcome of a disconnect */
struct MvMqttDisconnectResponse {
    /** what became of the request */
    enum MvMqttRequestState request_state;
    /** the broker's code; MQTT 5 only, says the official sample */
    uint32_t disconnect_code;
};

/** which system events, and where to post them */
struct MvOpenSystemNotificationParams {
    /** centre that the events go to */
    MvNotificationHandle notification_handle;
    /** tag of the records posted there */
    uint32_t notification_tag;
    /** which events */
    enum MvSystemNotificationSource notification_source;
};

/** what is known of the external flash */
struct MvExternalFlashInfo {
    /** the application sets 1 before the call */
    uint32_t version;
    union {
        struct {
            /** identification of the SPI flash chip */
            uint32_t chip_id;
            /** bytes the application may use */
            uint32_t size;
            /** number of open handles */
            uint32_t num_handles;
        } v1;
    };
};

/** WiFi settings */
struct MvWifiConfig {
    /** must be 1 */
    uint32_t version;
    union {
        struct {
            /** what to do with them; one byte, followed by 3 bytes of padding */
            enum MvWifiConfigMode config_mode;
            /** name of the network */
            struct MvSizedString wifi_ssid;
            /** its password */
            struct MvSizedString wifi_password;
        } v1;
    };
};

/** where the WiFi settings are to be written */
struct MvWifiConfigOut {
    /** must be 1 */
    uint32_t version;
    union {
        struct {
            /** receives the name of the network */
            struct MvSizedStringBuffer ssid;
            /** receives, in one byte, whether the network is encrypted */
            uint8_t *has_encryption;
        } v1;
    };
};

/** part of the ABI's own test; the official header dropped it in SDK 0.7.0 */
struct MvTemporaryTestSubStruct {
    /** any value */
    uint64_t a;
    /** any value */
    uint32_t b;
};

/** part of the ABI's own test; the official header dropped it in SDK 0.7.0 */
struct MvTemporaryTestStruct {
    /** any value */
    uint8_t a;
    /** the innermost part */
    struct MvTemporaryTestSubStruct *b;
    /** any value */
    uint32_t c;
};

/** the ABI's own test; the official header dropped it in SDK 0.7.0, the entry point is still there */
struct MvTemporaryTestVersionedStruct {
    /** must be 1 */
    uint32_t version;
    union {
        struct {
            /** any value */
            uint16_t a;
            /** the inner part */
            struct MvTemporaryTestStruct b;
        } v1;
    };
};

/**
 * Enable one fast interrupt.
 *
 * @param[in] irqn number of the external interrupt
 * @retval MV_STATUS_INVALIDINTERRUPT IRQ number not available to non-secure code
 * @retval MV_STATUS_UNAVAILABLE fast interrupts are off because the app is being stopped after a hung or
 *     flooding interrupt
 */
enum MvStatus mvEnableFastInterrupt(uint32_t irqn);

/**
 * Send as many bytes on a channel as there is room for.
 *
 * @param[in] handle handle of the channel
 * @param[in] data bytes to send
 * @param[in] len number of bytes
 * @param[out] written receives the number of bytes taken
 * @retval MV_STATUS_INVALIDHANDLE handle does not name a channel
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_LATEFAULT written pointer bad but data was already written
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 */
enum MvStatus mvWriteChannelStream(MvChannelHandle handle, const uint8_t *data, uint32_t len, uint32_t *written);

/**
 * Tell the time since the kernel started; it never goes back and is unrelated to wall time.
 *
 * @param[out] ms receives the time in microseconds
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 */
enum MvStatus mvGetMicroseconds(uint64_t *ms);

/**
 * Tell the frequency of the processor clock.
 *
 * @param[out] hz receives the frequency in hertz
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 */
enum MvStatus mvGetSysClk(uint32_t *hz);

/**
 * Mask all fast interrupts, leaving each one's own enable state as it is.
 *
 * @retval MV_STATUS_OKAY the official header lists no failure
 */
enum MvStatus mvDisableAllFastInterrupts(void);

/**
 * Write the device's identifier, 34 characters without terminator.
 *
 * @param[out] buf receives the identifier
 * @param[in] len size of the buffer in bytes; exactly 34
 * @retval MV_STATUS_PARAMETERFAULT buf is not wholly inside non-secure memory
 * @retval MV_STATUS_INVALIDBUFFERSIZE len is not exactly 34
 */
enum MvStatus mvGetDeviceId(uint8_t *buf, uint32_t len);

/**
 * Send bytes on a channel, all or none; with none to send it just tells the free space.
 *
 * @param[in] handle handle of the channel
 * @param[in] data bytes to send
 * @param[in] len number of bytes
 * @param[out] available receives the free space of the send buffer in bytes
 * @retval MV_STATUS_INVALIDBUFFERSIZE data does not fit as a whole in the free send space; nothing written
 * @retval MV_STATUS_INVALIDHANDLE handle does not name a channel
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_LATEFAULT available pointer bad but data was already written
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 */
enum MvStatus mvWriteChannel(MvChannelHandle handle, const uint8_t *data, uint32_t len, uint32_t *available);

/**
 * Tell the time of day; it may jump either way when the cloud corrects it.
 *
 * @param[out] usec receives the microseconds since 1970-01-01 00:00 UTC, leap seconds not counted
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_TIMENOTSET no wall-clock time known yet
 */
enum MvStatus mvGetWallTime(uint64_t *usec);

/**
 * Ask the kernel to bring networking up and to keep it up.
 *
 * @param[in] params where to post network events
 * @param[out] handle receives the handle
 * @retval MV_STATUS_PARAMETERFAULT params or handle pointer bad; the public guide adds: too many handles, or
 *     a member of params is wrong
 * @retval MV_STATUS_UNSUPPORTEDSTRUCTUREVERSION struct version field not supported
 */
enum MvStatus mvRequestNetwork(const struct MvRequestNetworkParams *params, MvNetworkHandle *handle);

/**
 * Tell why a channel is closed.
 *
 * @param[in] handle handle of the channel
 * @param[out] reason_out receives the reason
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDHANDLE handle does not name a channel
 */
enum MvStatus mvGetChannelClosureReason(MvChannelHandle handle, enum MvClosureReason *reason_out);

/**
 * Close a notification centre and zero its handle; its interrupt is not pended again.
 *
 * @param[in,out] handle_in_out handle of the notification centre; zero after success
 * @retval MV_STATUS_PARAMETERFAULT handle pointer not readable and writable
 * @retval MV_STATUS_INVALIDHANDLE handle does not name a notification centre
 */
enum MvStatus mvCloseNotifications(MvNotificationHandle *handle_in_out);

/**
 * Claim an interrupt as a fast one, which may pre-empt the kernel.
 *
 * @param[in] irqn number of the external interrupt
 * @retval MV_STATUS_INVALIDINTERRUPT IRQ number not available to non-secure code
 * @retval MV_STATUS_INVALIDVECTOR VTOR or the vector for this IRQ points outside non-secure memory
 * @retval MV_STATUS_UNAVAILABLE fast interrupts are off because the app is being stopped after a hung or
 *     flooding interrupt
 */
enum MvStatus mvSetFastInterrupt(uint32_t irqn);

/**
 * Check that a versioned struct arrives as it was sent; it serves the ABI's own tests.
 *
 * @param[in] in the struct to check
 * @retval MV_STATUS_PARAMETERFAULT argument pointer bad (official header before SDK 0.7.0)
 * @retval MV_STATUS_UNSUPPORTEDSTRUCTUREVERSION version field not supported (official header before SDK
 *     0.7.0)
 */
enum MvStatus mvTemporaryStructTest(const struct MvTemporaryTestVersionedStruct *in);

/**
 * Disable one fast interrupt.
 *
 * @param[in] irqn number of the external interrupt
 * @retval MV_STATUS_INVALIDINTERRUPT IRQ number not available to non-secure code
 * @retval MV_STATUS_UNAVAILABLE fast interrupts are off because the app is being stopped after a hung or
 *     flooding interrupt
 */
enum MvStatus mvDisableFastInterrupt(uint32_t irqn);

/**
 * Give back bytes that have been consumed, making room in the receive buffer.
 *
 * @param[in] handle handle of the channel
 * @param[in] consumed number of bytes to give back
 * @retval MV_STATUS_INVALIDHANDLE handle does not name a channel
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 */
enum MvStatus mvReadChannelComplete(MvChannelHandle handle, uint32_t consumed);

/**
 * Give a fast interrupt back, making it an ordinary one again.
 *
 * @param[in] irqn number of the external interrupt
 * @retval MV_STATUS_INVALIDINTERRUPT IRQ number not available to non-secure code
 * @retval MV_STATUS_UNAVAILABLE fast interrupts are off because the app is being stopped after a hung or
 *     flooding interrupt
 */
enum MvStatus mvClearFastInterrupt(uint32_t irqn);

/**
 * Make a notification centre: a ring of records and the interrupt that announces a new one.
 *
 * @param[in] notifications interrupt and ring of the centre
 * @param[out] handle_out receives the handle
 * @retval MV_STATUS_PARAMETERFAULT notification buffer not writable by the app (or setup/handle pointer bad)
 * @retval MV_STATUS_INVALIDBUFFERSIZE buffer below 32 bytes or not a whole number of 16-byte records
 * @retval MV_STATUS_BUFFERALREADYINUSE buffer already belongs to another notification centre
 * @retval MV_STATUS_INVALIDINTERRUPT IRQ not available to non-secure code, is fast, or is used by another
 *     centre
 * @retval MV_STATUS_TOOMANYNOTIFICATIONBUFFERS 32 centres already exist
 */
enum MvStatus mvSetupNotifications(const struct MvNotificationSetup *notifications, MvNotificationHandle *handle_out);

/**
 * Tell the frequency of the APB1 clock.
 *
 * @param[out] hz receives the frequency in hertz
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 */
enum MvStatus mvGetPClk1(uint32_t *hz);

/**
 * Tell the frequency of the APB2 clock.
 *
 * @param[out] hz receives the frequency in hertz
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 */
enum MvStatus mvGetPClk2(uint32_t *hz);

/**
 * Lift the mask over all fast interrupts.
 *
 * @retval MV_STATUS_OKAY the official header lists no failure
 */
enum MvStatus mvEnableAllFastInterrupts(void);

/**
 * Change bits of a peripheral register: new = (old AND NOT mask) XOR xorvalue. Bits the application may not
 * change stay as they are.
 *
 * @param[in] reg non-secure address of the register; multiple of 4
 * @param[in] mask bits to take from xorvalue; a clear bit here is toggled where xorvalue has a one
 * @param[in] xorvalue new values of the bits in mask, and toggles of the others
 * @retval MV_STATUS_PERIPHERALACCESSFAULT address not in the supported set or not word aligned (disallowed
 *     bits are silently skipped, not an error)
 */
enum MvStatus mvPeriphPoke32(uint32_t reg, uint32_t mask, uint32_t xorvalue);

/**
 * Tell where received bytes lie in the receive buffer and how many there are, without copying.
 *
 * @param[in] handle handle of the channel
 * @param[out] read_pointer_out receives the address of the bytes, inside the receive buffer
 * @param[out] length_out receives the number of bytes
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDHANDLE handle does not name a channel
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 */
enum MvStatus mvReadChannel(MvChannelHandle handle, uint8_t **read_pointer_out, uint32_t *length_out);

/**
 * Tell the frequency of the AHB clock.
 *
 * @param[out] hz receives the frequency in hertz
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 */
enum MvStatus mvGetHClk(uint32_t *hz);

/**
 * Open a channel of one of the four types to the cloud.
 *
 * @param[in] params type, buffers and notification centre of the channel
 * @param[out] handle receives the handle; left alone on failure
 * @retval MV_STATUS_PARAMETERFAULT params pointer bad
 * @retval MV_STATUS_PARAMETERFAULT a pointer inside params bad
 * @retval MV_STATUS_PARAMETERFAULT handle pointer bad
 * @retval MV_STATUS_INVALIDHANDLE params.notification_handle is not a notification centre
 * @retval MV_STATUS_INVALIDHANDLE params.network_handle is not a network handle
 * @retval MV_STATUS_INVALIDBUFFERALIGNMENT send_buffer (the public guide says either buffer) not aligned to
 *     512
 * @retval MV_STATUS_INVALIDBUFFERSIZE send_buffer_len not acceptable (the public guide asks for a multiple of
 *     512)
 * @retval MV_STATUS_INVALIDBUFFERSIZE receive_buffer_len not acceptable (the public guide asks for a multiple
 *     of 512)
 * @retval MV_STATUS_UNKNOWNCHANNELENDPOINT endpoint string not recognised
 * @retval MV_STATUS_UNKNOWNCHANNELTYPE channel_type not recognised
 * @retval MV_STATUS_NETWORKNOTCONNECTED device not connected to the cloud
 * @retval MV_STATUS_RATELIMITED too many opens (limit stated as 8); wait 1 s and retry
 * @retval MV_STATUS_UNAVAILABLE channel cannot be opened right now
 * @retval MV_STATUS_TOOMANYCHANNELS 4 channels already in use
 */
enum MvStatus mvOpenChannel(const struct MvOpenChannelParams *params, MvChannelHandle *handle);

/**
 * Tell what keeps the device online or offline, and how many network handles are held.
 *
 * @param[out] reasons receives the reasons, a bit each
 * @param[out] request_ref_count receives the number of network handles the application holds
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 */
enum MvStatus mvGetNetworkReasons(enum MvNetworkReason *reasons, uint32_t *request_ref_count);

/**
 * Give up a hold on the network and zero its handle.
 *
 * @param[in,out] handle handle of the network; zero after success
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDHANDLE handle does not name a network object
 * @retval MV_STATUS_UNSUPPORTEDSTRUCTUREVERSION the official header lists it although the call takes no
 *     struct; cannot occur
 */
enum MvStatus mvReleaseNetwork(MvNetworkHandle *handle);

/**
 * Do nothing and succeed.
 *
 * @retval MV_STATUS_OKAY always
 */
enum MvStatus mvNoOp(void);

/**
 * Post a notification to a centre, as a self-test.
 *
 * @param[in] handle handle of the notification centre
 * @param[in] type event type of the record
 * @param[in] tag tag of the record
 * @retval MV_STATUS_INVALIDHANDLE handle does not name a notification centre
 */
enum MvStatus mvTempTriggerNotification(MvNotificationHandle handle, enum MvEventType type, uint32_t tag);

/**
 * Tell the state of the network at this instant.
 *
 * @param[in] handle handle of the network
 * @param[out] status receives the state
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDHANDLE handle does not name a network object
 */
enum MvStatus mvGetNetworkStatus(MvNetworkHandle handle, enum MvNetworkStatus *status);

/**
 * Read a peripheral register that the kernel owns or shares.
 *
 * @param[in] reg non-secure address of the register; multiple of 4
 * @param[out] output receives the register's value
 * @retval MV_STATUS_PERIPHERALACCESSFAULT address not in the supported set or not word aligned
 */
enum MvStatus mvPeriphPeek32(uint32_t reg, uint32_t *output);

/**
 * Close a channel, or free one that the other side has closed, and zero its handle.
 *
 * @param[in,out] handle handle of the channel; zero after success
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDHANDLE handle does not name a channel
 */
enum MvStatus mvCloseChannel(MvChannelHandle *handle);

/**
 * Ask the cloud to carry out an HTTP request; a channel can do so once. The outcome arrives as a
 * notification.
 *
 * @param[in] handle handle of an HTTP channel
 * @param[in] request method, URL, headers and body
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_LATEFAULT a nested pointer is bad; channel no longer usable, close it
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an HTTP channel
 * @retval MV_STATUS_INVALIDBUFFERSIZE encoded request larger than the send buffer
 * @retval MV_STATUS_TOOMANYELEMENTS more than 32 headers
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 * @retval MV_STATUS_REQUESTALREADYSENT a request was already tried on this channel (good or bad)
 * @retval MV_STATUS_OKAY accepted only; the outcome arrives later as CHANNELDATAREADABLE +
 *     MvHttpResponseData.result
 */
enum MvStatus mvSendHttpRequest(MvChannelHandle handle, const struct MvHttpRequest *request);

/**
 * Copy part of an HTTP response's body; where fewer bytes remain than asked for, the rest of the buffer is
 * left alone.
 *
 * @param[in] handle handle of an HTTP channel
 * @param[in] offset first byte of the body to copy; at most the body's length
 * @param[out] buf receives the bytes
 * @param[in] size capacity of the buffer in bytes
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an HTTP channel
 * @retval MV_STATUS_RESPONSENOTPRESENT no response has arrived yet
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 * @retval MV_STATUS_OFFSETINVALID offset greater than the body length
 */
enum MvStatus mvReadHttpResponseBody(MvChannelHandle handle, uint32_t offset, uint8_t *buf, uint32_t size);

/**
 * Copy one header of an HTTP response, without terminator and without telling its length.
 *
 * @param[in] handle handle of an HTTP channel
 * @param[in] header_index which header, counted from 0
 * @param[out] buf receives the bytes
 * @param[in] size capacity of the buffer in bytes
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an HTTP channel
 * @retval MV_STATUS_RESPONSENOTPRESENT no response has arrived yet
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 * @retval MV_STATUS_INDEXINVALID header_index >= num_headers
 */
enum MvStatus mvReadHttpResponseHeader(MvChannelHandle handle, uint32_t header_index, uint8_t *buf, uint32_t size);

/**
 * Tell the outcome of an HTTP request: result, status code, number of headers, body length.
 *
 * @param[in] handle handle of an HTTP channel
 * @param[out] response_data receives the outcome
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an HTTP channel
 * @retval MV_STATUS_RESPONSENOTPRESENT no response has arrived yet
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 */
enum MvStatus mvReadHttpResponseData(MvChannelHandle handle, struct MvHttpResponseData *response_data);

/**
 * Give the kernel the buffer that log messages wait in.
 *
 * @param[out] buffer buffer the kernel keeps; aligned to 512 bytes in every sample
 * @param[in] length_bytes size of the buffer in bytes; multiple of 512 in every sample
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDBUFFERALIGNMENT buffer not aligned (512 used by every sample)
 * @retval MV_STATUS_INVALIDBUFFERSIZE buffer length not acceptable (samples use multiples of 512)
 */
enum MvStatus mvServerLoggingInit(uint8_t *buffer, uint32_t length_bytes);

/**
 * Log one message to the cloud. It waits in the log buffer until the device is online.
 *
 * @param[in] message text of the message, no terminator needed
 * @param[in] length_bytes length of the message in bytes
 * @retval MV_STATUS_UNAVAILABLE mvServerLoggingInit not called successfully
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDBUFFERSIZE no room in the log buffer for this message; also how the device limits
 *     the rate of logging
 * @retval MV_STATUS_LOGMESSAGETOOLONG message longer than the maximum
 * @retval MV_STATUS_LOGGINGDISABLEDBYSERVER cloud has switched logging off for this device or holds it back
 *     for a while
 */
enum MvStatus mvServerLog(const uint8_t *message, uint16_t length_bytes);

/**
 * Ask the cloud for configuration items or secrets; a channel can do so once.
 *
 * @param[in] handle handle of a config-fetch channel
 * @param[in] request the items to fetch
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_LATEFAULT a nested pointer is bad; channel no longer usable, close it
 * @retval MV_STATUS_INVALIDHANDLE handle does not name a config-fetch channel
 * @retval MV_STATUS_INVALIDBUFFERSIZE encoded request larger than the send buffer
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 * @retval MV_STATUS_REQUESTALREADYSENT a fetch was already tried on this channel
 */
enum MvStatus mvSendConfigFetchRequest(MvChannelHandle handle, const struct MvConfigKeyFetchParams *request);

/**
 * Tell the overall result of a configuration fetch and the number of items in it.
 *
 * @param[in] handle handle of a config-fetch channel
 * @param[out] response_data receives result and number of items
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 */
enum MvStatus mvReadConfigFetchResponseData(MvChannelHandle handle, struct MvConfigResponseData *response_data);

/**
 * Read one item of a configuration fetch.
 *
 * @param[in] handle handle of a config-fetch channel
 * @param[in] params which item, and where it is to be written
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDHANDLE handle does not name a config-fetch channel
 * @retval MV_STATUS_RESPONSENOTPRESENT no response has arrived yet
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 * @retval MV_STATUS_INDEXINVALID item_index >= num_items
 */
enum MvStatus mvReadConfigResponseItem(MvChannelHandle handle, const struct MvConfigResponseReadItemParams *params);

/**
 * Take the outcome of an unsubscribe request, one reason code per topic.
 *
 * @param[in] handle handle of an MQTT channel
 * @param[in] response_data where the outcome is to be written
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_LATEFAULT a pointer nested in the argument struct is bad
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an MQTT channel
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 * @retval MV_STATUS_INVALIDBUFFERSIZE reason_codes array too small
 */
enum MvStatus mvMqttReadUnsubscribeResponse(MvChannelHandle handle, const struct MvMqttUnsubscribeResponse *response_data);

/**
 * Acknowledge a received MQTT message so that the broker does not send it again.
 *
 * @param[in] handle handle of an MQTT channel
 * @param[in] correlation_id identifier that came with the message
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an MQTT channel
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 * @retval MV_STATUS_RATELIMITED too many acknowledgements in flight (limit not stated)
 */
enum MvStatus mvMqttAcknowledgeMessage(MvChannelHandle handle, uint32_t correlation_id);

/**
 * Take the outcome of a disconnect, asked for or not.
 *
 * @param[in] handle handle of an MQTT channel
 * @param[out] response_data receives the outcome
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_LATEFAULT the official header lists it although the struct holds no pointers; cannot
 *     occur
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an MQTT channel
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 */
enum MvStatus mvMqttReadDisconnectResponse(MvChannelHandle handle, struct MvMqttDisconnectResponse *response_data);

/**
 * Ask for the end of the session with the broker.
 *
 * @param[in] handle handle of an MQTT channel
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an MQTT channel
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 * @retval MV_STATUS_RATELIMITED too many disconnect requests in flight (limit not stated)
 */
enum MvStatus mvMqttRequestDisconnect(MvChannelHandle handle);

/**
 * Take the outcome of a connect request.
 *
 * @param[in] handle handle of an MQTT channel
 * @param[out] response_data receives the outcome
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_LATEFAULT the official header lists it although the struct holds no pointers; cannot
 *     occur
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an MQTT channel
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 */
enum MvStatus mvMqttReadConnectResponse(MvChannelHandle handle, struct MvMqttConnectResponse *response_data);

/**
 * Ask the broker to publish a message.
 *
 * @param[in] handle handle of an MQTT channel
 * @param[in] request what to publish, and how
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_LATEFAULT a nested pointer is bad after some data was sent; channel no longer usable
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an MQTT channel
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 * @retval MV_STATUS_RATELIMITED too many requests in flight (limit not stated; the official sample drops the
 *     message and stays connected)
 */
enum MvStatus mvMqttRequestPublish(MvChannelHandle handle, const struct MvMqttPublishRequest *request);

/**
 * Ask for messages on up to eight topics.
 *
 * @param[in] handle handle of an MQTT channel
 * @param[in] request the topics
 * @retval MV_STATUS_PARAMETERFAULT the request pointer or a pointer nested in it is bad (nothing sent yet)
 * @retval MV_STATUS_LATEFAULT a nested pointer is bad after some data was sent; channel no longer usable
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an MQTT channel
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 * @retval MV_STATUS_RATELIMITED too many subscribe requests in flight (one is serviced at a time; in-flight
 *     limit not stated)
 * @retval MV_STATUS_TOOMANYELEMENTS more than 8 subscriptions
 */
enum MvStatus mvMqttRequestSubscribe(MvChannelHandle handle, const struct MvMqttSubscribeRequest *request);

/**
 * Take the outcome of a publish request.
 *
 * @param[in] handle handle of an MQTT channel
 * @param[out] response_data receives the outcome
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_LATEFAULT the official header lists it although the struct holds no pointers; cannot
 *     occur
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an MQTT channel
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 */
enum MvStatus mvMqttReadPublishResponse(MvChannelHandle handle, struct MvMqttPublishResponse *response_data);

/**
 * Take the particulars of an incoming message that had to be dropped.
 *
 * @param[in] handle handle of an MQTT channel
 * @param[in] lost_message_info where the particulars are to be written
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_LATEFAULT a pointer nested in the argument struct is bad
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an MQTT channel
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 * @retval MV_STATUS_INVALIDBUFFERSIZE topic does not fit the app buffer
 */
enum MvStatus mvMqttReceiveLostMessageInfo(MvChannelHandle handle, const struct MvMqttLostMessageInfo *lost_message_info);

/**
 * Take an incoming message: topic, payload and flags.
 *
 * @param[in] handle handle of an MQTT channel
 * @param[in] message_data where the message is to be written
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_LATEFAULT a pointer nested in the argument struct is bad
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an MQTT channel
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 * @retval MV_STATUS_INVALIDBUFFERSIZE topic or payload does not fit the app buffer
 */
enum MvStatus mvMqttReceiveMessage(MvChannelHandle handle, const struct MvMqttMessage *message_data);

/**
 * Tell what waits first on an MQTT channel, so that the matching read call can take it.
 *
 * @param[in] handle handle of an MQTT channel
 * @param[out] data_type receives the kind of data
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an MQTT channel
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 */
enum MvStatus mvMqttGetNextReadableDataType(MvChannelHandle handle, enum MvMqttReadableDataType *data_type);

/**
 * Ask for no more messages on up to eight topics.
 *
 * @param[in] handle handle of an MQTT channel
 * @param[in] request the topics
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_LATEFAULT a nested pointer is bad after some data was sent; channel no longer usable
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an MQTT channel
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 * @retval MV_STATUS_RATELIMITED too many requests in flight (one unsubscribe is serviced at a time; in-flight
 *     limit not stated)
 * @retval MV_STATUS_TOOMANYELEMENTS more than 8 topics
 */
enum MvStatus mvMqttRequestUnsubscribe(MvChannelHandle handle, const struct MvMqttUnsubscribeRequest *request);

/**
 * Ask for a session with an MQTT broker; a channel can do so once in its life.
 *
 * @param[in] handle handle of an MQTT channel
 * @param[in] request broker, identity, credentials and session options
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_LATEFAULT a nested pointer is bad; channel no longer usable, close it
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an MQTT channel
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 * @retval MV_STATUS_REQUESTALREADYSENT connect already attempted on this channel (one per channel life)
 * @retval MV_STATUS_INVALIDAUTHENTICATION username/password and certificate key both supplied
 * @retval MV_STATUS_TOOMANYELEMENTS more than 8 certificates in the CA or client chain
 * @retval MV_STATUS_REQUIREDELEMENTMISSING host or client id empty, or key missing with a client certificate,
 *     or will topic/payload missing with a will
 */
enum MvStatus mvMqttRequestConnect(MvChannelHandle handle, const struct MvMqttConnectRequest *request);

/**
 * Take the outcome of a subscribe request, one reason code per topic.
 *
 * @param[in] handle handle of an MQTT channel
 * @param[in] response_data where the outcome is to be written
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_LATEFAULT a pointer nested in the argument struct is bad
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an MQTT channel
 * @retval MV_STATUS_CHANNELCLOSED channel already closed
 * @retval MV_STATUS_INVALIDBUFFERSIZE reason_codes array too small
 */
enum MvStatus mvMqttReadSubscribeResponse(MvChannelHandle handle, const struct MvMqttSubscribeResponse *response_data);

/**
 * End application-test mode with a verdict.
 *
 * @param[in] status 0 if the tests passed; the value means nothing else to the kernel
 * @retval MV_STATUS_UNAVAILABLE not running as application-test code
 */
enum MvStatus mvTestingComplete(uint32_t status);

/**
 * Log one message to the factory console, in application-test mode.
 *
 * @param[in] message text of the message, no terminator needed
 * @param[in] length_bytes length of the message in bytes
 * @retval MV_STATUS_UNAVAILABLE mvTestLoggingInit not called successfully
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDBUFFERSIZE no room in the log buffer
 * @retval MV_STATUS_LOGMESSAGETOOLONG message longer than the maximum
 */
enum MvStatus mvTestLog(const uint8_t *message, uint16_t length_bytes);

/**
 * Give the kernel the log buffer of the factory console, in application-test mode.
 *
 * @param[out] buffer buffer the kernel keeps; aligned to 512 bytes in every sample
 * @param[in] length_bytes size of the buffer in bytes; multiple of 512 in every sample
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDBUFFERALIGNMENT buffer not aligned
 * @retval MV_STATUS_INVALIDBUFFERSIZE buffer length not acceptable
 * @retval MV_STATUS_UNAVAILABLE not running as application-test code
 */
enum MvStatus mvTestLoggingInit(uint8_t *buffer, uint32_t length_bytes);

/**
 * Put the device into a power-saving mode until the next interrupt.
 *
 * @param[in] mode how deep to sleep
 * @retval MV_STATUS_UNAVAILABLE called from interrupt context
 * @retval MV_STATUS_PARAMETERFAULT mode value unknown
 * @retval MV_STATUS_MICROVISORBUSY network still active
 */
enum MvStatus mvPowerSave(enum MvPowerSavingMode mode);

/**
 * Let the kernel show its connection state on the system LED, or keep it dark.
 *
 * @param[in] enable 1 lets the LED show the state, 0 keeps it dark; other values are reserved
 * @retval MV_STATUS_UNAVAILABLE called from interrupt context
 */
enum MvStatus mvSystemLedEnable(uint32_t enable);

/**
 * Ask for a stream of system events on a notification centre.
 *
 * @param[in] params which events, and where to post them
 * @param[out] handle receives the handle
 * @retval MV_STATUS_UNAVAILABLE called from interrupt context
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDHANDLE notification_handle or notification_source invalid
 */
enum MvStatus mvOpenSystemNotification(const struct MvOpenSystemNotificationParams *params, MvSystemEventHandle *handle);

/**
 * Stop a stream of system events and zero its handle.
 *
 * @param[in,out] handle handle of the system-event stream; zero after success
 * @retval MV_STATUS_UNAVAILABLE called from interrupt context
 * @retval MV_STATUS_INVALIDHANDLE handle does not name a system-event object
 */
enum MvStatus mvCloseSystemNotification(MvSystemEventHandle *handle);

/**
 * Put the device into a deep-sleep mode from which it starts anew.
 *
 * @param[in] mode how deep to sleep
 * @retval MV_STATUS_UNAVAILABLE called from interrupt context
 * @retval MV_STATUS_PARAMETERFAULT mode value unknown
 * @retval MV_STATUS_MICROVISORBUSY network still active
 */
enum MvStatus mvDeepSleep(enum MvDeepSleepMode mode);

/**
 * Tell why the application was started.
 *
 * @param[out] mode receives the reason, in one byte
 * @retval MV_STATUS_UNAVAILABLE called from interrupt context
 * @retval MV_STATUS_PARAMETERFAULT result pointer bad
 */
enum MvStatus mvGetWakeReason(enum MvWakeReason *mode);

/**
 * Restart application or device, as pending updates demand; on success it does not come back for long.
 *
 * @param[in] mode what to restart
 * @retval MV_STATUS_UNAVAILABLE called from interrupt context
 * @retval MV_STATUS_PARAMETERFAULT mode value unknown
 * @retval MV_STATUS_MICROVISORBUSY restart would interrupt kernel work in progress; try later
 */
enum MvStatus mvRestart(enum MvRestartMode mode);

/**
 * Close an external-flash handle and zero it.
 *
 * @param[in,out] handle handle of the external flash; zero after success
 * @retval MV_STATUS_UNAVAILABLE called from interrupt context
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an external-flash object
 */
enum MvStatus mvExternalFlashClose(MvExternalFlashHandle *handle);

/**
 * Tell which external flash chip there is and how much of it the application may use.
 *
 * @param[in] handle handle of the external flash
 * @param[in,out] info what is known of the flash; its version must be set before the call
 * @retval MV_STATUS_UNAVAILABLE called from interrupt context
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an external-flash object
 * @retval MV_STATUS_UNSUPPORTEDSTRUCTUREVERSION info.version is not 1
 */
enum MvStatus mvExternalFlashGetInfo(MvExternalFlashHandle handle, struct MvExternalFlashInfo *info);

/**
 * Program bytes of the external flash and wait for the end.
 *
 * @param[in] handle handle of the external flash
 * @param[in] address first byte, from the start of the application's area
 * @param[in] length number of bytes
 * @param[in] buffer bytes to program
 * @retval MV_STATUS_UNAVAILABLE called from interrupt context
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an external-flash object
 * @retval MV_STATUS_ADDRESSOUTOFRANGE address+length outside the area reported by mvExternalFlashGetInfo
 */
enum MvStatus mvExternalFlashWriteBlocking(MvExternalFlashHandle handle, uint32_t address, uint32_t length, const uint8_t *buffer);

/**
 * Open the application's area of the external flash.
 *
 * @param[out] handle receives the handle
 * @retval MV_STATUS_UNAVAILABLE called from interrupt context
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_TOOMANYCHANNELS 32 flash handles already open
 */
enum MvStatus mvExternalFlashOpen(MvExternalFlashHandle *handle);

/**
 * Erase sectors of the external flash and wait for the end.
 *
 * @param[in] handle handle of the external flash
 * @param[in] address first byte to erase, from the start of the application's area; multiple of 4096
 * @param[in] length bytes to erase; multiple of 4096
 * @retval MV_STATUS_UNAVAILABLE called from interrupt context
 * @retval MV_STATUS_PARAMETERFAULT the official header lists it although the call has no pointer argument;
 *     cannot occur
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an external-flash object
 * @retval MV_STATUS_ADDRESSOUTOFRANGE address+length outside the area reported by mvExternalFlashGetInfo
 * @retval MV_STATUS_INVALIDBUFFERALIGNMENT address or length not a multiple of 4096
 */
enum MvStatus mvExternalFlashEraseBlocking(MvExternalFlashHandle handle, uint32_t address, uint32_t length);

/**
 * Read bytes of the external flash.
 *
 * @param[in] handle handle of the external flash
 * @param[in] address first byte, from the start of the application's area
 * @param[in] length number of bytes
 * @param[out] buffer receives the bytes
 * @retval MV_STATUS_UNAVAILABLE called from interrupt context
 * @retval MV_STATUS_PARAMETERFAULT a pointer argument is outside app-accessible memory
 * @retval MV_STATUS_INVALIDHANDLE handle does not name an external-flash object
 * @retval MV_STATUS_ADDRESSOUTOFRANGE address+length outside the area reported by mvExternalFlashGetInfo
 */
enum MvStatus mvExternalFlashReadBlocking(MvExternalFlashHandle handle, uint32_t address, uint32_t length, uint8_t *buffer);

/**
 * Replace or erase the stored WiFi settings.
 *
 * @param[in] params the new settings, or the order to erase them
 * @retval MV_STATUS_OKAY no list of failures is published
 */
enum MvStatus mvSetWifiConfig(const struct MvWifiConfig *params);

/**
 * Tell the stored WiFi network's name and whether it is encrypted, never its password.
 *
 * @param[in] params where the settings are to be written
 * @retval MV_STATUS_OKAY no list of failures is published
 */
enum MvStatus mvGetWifiConfig(const struct MvWifiConfigOut *params);

#ifdef __GNUC__
#pragma GCC diagnostic pop
#endif

#ifdef __cplusplus
}
#endif

/* The kernel's view of every type, checked where the code is compiled for it. */
#if defined(__arm__) && defined(__GNUC__)
#if defined(__cplusplus) && __cplusplus >= 201103L
#define MV_SYSCALLS_ASSERT(condition, text) static_assert(condition, text)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define MV_SYSCALLS_ASSERT(condition, text) _Static_assert(condition, text)
#endif
#endif
#ifdef MV_SYSCALLS_ASSERT
MV_SYSCALLS_ASSERT(sizeof(enum MvStatus) == 4, "enum MvStatus must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvEventType) == 4, "enum MvEventType must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvNetworkStatus) == 4, "enum MvNetworkStatus must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvNetworkReason) == 4, "enum MvNetworkReason must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvChannelType) == 4, "enum MvChannelType must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvClosureReason) == 4, "enum MvClosureReason must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvHttpResult) == 4, "enum MvHttpResult must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvConfigKeyFetchScope) == 4, "enum MvConfigKeyFetchScope must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvConfigKeyFetchStore) == 4, "enum MvConfigKeyFetchStore must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvConfigFetchResult) == 4, "enum MvConfigFetchResult must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvConfigKeyFetchResult) == 4, "enum MvConfigKeyFetchResult must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvMqttReadableDataType) == 4, "enum MvMqttReadableDataType must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvMqttProtocolVersion) == 4, "enum MvMqttProtocolVersion must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvMqttAuthenticationMethod) == 1, "enum MvMqttAuthenticationMethod must have size 1: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvMqttRequestState) == 4, "enum MvMqttRequestState must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvMqttLostMessageReason) == 4, "enum MvMqttLostMessageReason must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvPowerSavingMode) == 1, "enum MvPowerSavingMode must have size 1: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvSystemNotificationSource) == 4, "enum MvSystemNotificationSource must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvDeepSleepMode) == 1, "enum MvDeepSleepMode must have size 1: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvWakeReason) == 1, "enum MvWakeReason must have size 1: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvRestartMode) == 4, "enum MvRestartMode must have size 4: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(enum MvWifiConfigMode) == 1, "enum MvWifiConfigMode must have size 1: compile with -fshort-enums");
MV_SYSCALLS_ASSERT(sizeof(struct MvNotification) == 16, "size of struct MvNotification");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvNotification, microseconds) == 0, "MvNotification.microseconds");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvNotification, event_type) == 8, "MvNotification.event_type");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvNotification, tag) == 12, "MvNotification.tag");
MV_SYSCALLS_ASSERT(sizeof(struct MvNotificationSetup) == 12, "size of struct MvNotificationSetup");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvNotificationSetup, irq) == 0, "MvNotificationSetup.irq");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvNotificationSetup, buffer) == 4, "MvNotificationSetup.buffer");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvNotificationSetup, buffer_size) == 8, "MvNotificationSetup.buffer_size");
MV_SYSCALLS_ASSERT(sizeof(struct MvRequestNetworkParams) == 12, "size of struct MvRequestNetworkParams");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvRequestNetworkParams, version) == 0, "MvRequestNetworkParams.version");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvRequestNetworkParams, v1.notification_handle) == 4, "MvRequestNetworkParams.v1.notification_handle");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvRequestNetworkParams, v1.notification_tag) == 8, "MvRequestNetworkParams.v1.notification_tag");
MV_SYSCALLS_ASSERT(sizeof(struct MvSizedString) == 8, "size of struct MvSizedString");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvSizedString, data) == 0, "MvSizedString.data");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvSizedString, length) == 4, "MvSizedString.length");
MV_SYSCALLS_ASSERT(sizeof(struct MvOpenChannelParams) == 44, "size of struct MvOpenChannelParams");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvOpenChannelParams, version) == 0, "MvOpenChannelParams.version");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvOpenChannelParams, v1.notification_handle) == 4, "MvOpenChannelParams.v1.notification_handle");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvOpenChannelParams, v1.notification_tag) == 8, "MvOpenChannelParams.v1.notification_tag");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvOpenChannelParams, v1.network_handle) == 12, "MvOpenChannelParams.v1.network_handle");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvOpenChannelParams, v1.receive_buffer) == 16, "MvOpenChannelParams.v1.receive_buffer");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvOpenChannelParams, v1.receive_buffer_len) == 20, "MvOpenChannelParams.v1.receive_buffer_len");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvOpenChannelParams, v1.send_buffer) == 24, "MvOpenChannelParams.v1.send_buffer");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvOpenChannelParams, v1.send_buffer_len) == 28, "MvOpenChannelParams.v1.send_buffer_len");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvOpenChannelParams, v1.channel_type) == 32, "MvOpenChannelParams.v1.channel_type");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvOpenChannelParams, v1.endpoint) == 36, "MvOpenChannelParams.v1.endpoint");
MV_SYSCALLS_ASSERT(sizeof(struct MvHttpHeader) == 8, "size of struct MvHttpHeader");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvHttpHeader, length) == 0, "MvHttpHeader.length");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvHttpHeader, data) == 4, "MvHttpHeader.data");
MV_SYSCALLS_ASSERT(sizeof(struct MvHttpRequest) == 36, "size of struct MvHttpRequest");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvHttpRequest, method) == 0, "MvHttpRequest.method");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvHttpRequest, url) == 8, "MvHttpRequest.url");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvHttpRequest, num_headers) == 16, "MvHttpRequest.num_headers");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvHttpRequest, headers) == 20, "MvHttpRequest.headers");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvHttpRequest, body) == 24, "MvHttpRequest.body");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvHttpRequest, timeout_ms) == 32, "MvHttpRequest.timeout_ms");
MV_SYSCALLS_ASSERT(sizeof(struct MvHttpResponseData) == 16, "size of struct MvHttpResponseData");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvHttpResponseData, result) == 0, "MvHttpResponseData.result");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvHttpResponseData, status_code) == 4, "MvHttpResponseData.status_code");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvHttpResponseData, num_headers) == 8, "MvHttpResponseData.num_headers");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvHttpResponseData, body_length) == 12, "MvHttpResponseData.body_length");
MV_SYSCALLS_ASSERT(sizeof(struct MvConfigKeyToFetch) == 16, "size of struct MvConfigKeyToFetch");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvConfigKeyToFetch, scope) == 0, "MvConfigKeyToFetch.scope");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvConfigKeyToFetch, store) == 4, "MvConfigKeyToFetch.store");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvConfigKeyToFetch, key) == 8, "MvConfigKeyToFetch.key");
MV_SYSCALLS_ASSERT(sizeof(struct MvConfigKeyFetchParams) == 8, "size of struct MvConfigKeyFetchParams");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvConfigKeyFetchParams, num_items) == 0, "MvConfigKeyFetchParams.num_items");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvConfigKeyFetchParams, keys_to_fetch) == 4, "MvConfigKeyFetchParams.keys_to_fetch");
MV_SYSCALLS_ASSERT(sizeof(struct MvConfigResponseData) == 8, "size of struct MvConfigResponseData");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvConfigResponseData, result) == 0, "MvConfigResponseData.result");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvConfigResponseData, num_items) == 4, "MvConfigResponseData.num_items");
MV_SYSCALLS_ASSERT(sizeof(struct MvSizedStringBuffer) == 12, "size of struct MvSizedStringBuffer");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvSizedStringBuffer, data) == 0, "MvSizedStringBuffer.data");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvSizedStringBuffer, size) == 4, "MvSizedStringBuffer.size");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvSizedStringBuffer, length) == 8, "MvSizedStringBuffer.length");
MV_SYSCALLS_ASSERT(sizeof(struct MvConfigResponseReadItemParams) == 20, "size of struct MvConfigResponseReadItemParams");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvConfigResponseReadItemParams, item_index) == 0, "MvConfigResponseReadItemParams.item_index");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvConfigResponseReadItemParams, result) == 4, "MvConfigResponseReadItemParams.result");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvConfigResponseReadItemParams, buf) == 8, "MvConfigResponseReadItemParams.buf");
MV_SYSCALLS_ASSERT(sizeof(struct MvUsernamePassword) == 16, "size of struct MvUsernamePassword");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvUsernamePassword, username) == 0, "MvUsernamePassword.username");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvUsernamePassword, password) == 8, "MvUsernamePassword.password");
MV_SYSCALLS_ASSERT(sizeof(struct MvMqttAuthentication) == 20, "size of struct MvMqttAuthentication");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttAuthentication, method) == 0, "MvMqttAuthentication.method");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttAuthentication, username_password) == 4, "MvMqttAuthentication.username_password");
MV_SYSCALLS_ASSERT(sizeof(struct MvTlsCertificateChain) == 8, "size of struct MvTlsCertificateChain");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvTlsCertificateChain, num_certs) == 0, "MvTlsCertificateChain.num_certs");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvTlsCertificateChain, certs) == 4, "MvTlsCertificateChain.certs");
MV_SYSCALLS_ASSERT(sizeof(struct MvOwnTlsCertificateChain) == 16, "size of struct MvOwnTlsCertificateChain");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvOwnTlsCertificateChain, chain) == 0, "MvOwnTlsCertificateChain.chain");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvOwnTlsCertificateChain, key) == 8, "MvOwnTlsCertificateChain.key");
MV_SYSCALLS_ASSERT(sizeof(struct MvTlsCredentials) == 24, "size of struct MvTlsCredentials");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvTlsCredentials, cacert) == 0, "MvTlsCredentials.cacert");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvTlsCredentials, clientcert) == 8, "MvTlsCredentials.clientcert");
MV_SYSCALLS_ASSERT(sizeof(struct MvMqttWill) == 24, "size of struct MvMqttWill");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttWill, topic) == 0, "MvMqttWill.topic");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttWill, payload) == 8, "MvMqttWill.payload");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttWill, qos) == 16, "MvMqttWill.qos");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttWill, retain) == 20, "MvMqttWill.retain");
MV_SYSCALLS_ASSERT(sizeof(struct MvMqttConnectRequest) == 60, "size of struct MvMqttConnectRequest");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttConnectRequest, protocol_version) == 0, "MvMqttConnectRequest.protocol_version");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttConnectRequest, host) == 4, "MvMqttConnectRequest.host");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttConnectRequest, port) == 12, "MvMqttConnectRequest.port");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttConnectRequest, clientid) == 16, "MvMqttConnectRequest.clientid");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttConnectRequest, authentication) == 24, "MvMqttConnectRequest.authentication");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttConnectRequest, tls_credentials) == 44, "MvMqttConnectRequest.tls_credentials");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttConnectRequest, keepalive) == 48, "MvMqttConnectRequest.keepalive");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttConnectRequest, clean_start) == 52, "MvMqttConnectRequest.clean_start");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttConnectRequest, will) == 56, "MvMqttConnectRequest.will");
MV_SYSCALLS_ASSERT(sizeof(struct MvMqttConnectResponse) == 8, "size of struct MvMqttConnectResponse");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttConnectResponse, request_state) == 0, "MvMqttConnectResponse.request_state");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttConnectResponse, reason_code) == 4, "MvMqttConnectResponse.reason_code");
MV_SYSCALLS_ASSERT(sizeof(struct MvMqttSubscription) == 24, "size of struct MvMqttSubscription");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttSubscription, topic) == 0, "MvMqttSubscription.topic");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttSubscription, desired_qos) == 8, "MvMqttSubscription.desired_qos");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttSubscription, nl) == 12, "MvMqttSubscription.nl");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttSubscription, rap) == 16, "MvMqttSubscription.rap");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttSubscription, rh) == 20, "MvMqttSubscription.rh");
MV_SYSCALLS_ASSERT(sizeof(struct MvMqttSubscribeRequest) == 12, "size of struct MvMqttSubscribeRequest");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttSubscribeRequest, correlation_id) == 0, "MvMqttSubscribeRequest.correlation_id");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttSubscribeRequest, subscriptions) == 4, "MvMqttSubscribeRequest.subscriptions");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttSubscribeRequest, num_subscriptions) == 8, "MvMqttSubscribeRequest.num_subscriptions");
MV_SYSCALLS_ASSERT(sizeof(struct MvMqttSubscribeResponse) == 20, "size of struct MvMqttSubscribeResponse");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttSubscribeResponse, request_state) == 0, "MvMqttSubscribeResponse.request_state");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttSubscribeResponse, correlation_id) == 4, "MvMqttSubscribeResponse.correlation_id");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttSubscribeResponse, reason_codes) == 8, "MvMqttSubscribeResponse.reason_codes");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttSubscribeResponse, reason_codes_size) == 12, "MvMqttSubscribeResponse.reason_codes_size");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttSubscribeResponse, reason_codes_len) == 16, "MvMqttSubscribeResponse.reason_codes_len");
MV_SYSCALLS_ASSERT(sizeof(struct MvMqttUnsubscribeRequest) == 12, "size of struct MvMqttUnsubscribeRequest");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttUnsubscribeRequest, correlation_id) == 0, "MvMqttUnsubscribeRequest.correlation_id");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttUnsubscribeRequest, topics) == 4, "MvMqttUnsubscribeRequest.topics");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttUnsubscribeRequest, num_topics) == 8, "MvMqttUnsubscribeRequest.num_topics");
MV_SYSCALLS_ASSERT(sizeof(struct MvMqttUnsubscribeResponse) == 20, "size of struct MvMqttUnsubscribeResponse");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttUnsubscribeResponse, request_state) == 0, "MvMqttUnsubscribeResponse.request_state");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttUnsubscribeResponse, correlation_id) == 4, "MvMqttUnsubscribeResponse.correlation_id");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttUnsubscribeResponse, reason_codes) == 8, "MvMqttUnsubscribeResponse.reason_codes");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttUnsubscribeResponse, reason_codes_size) == 12, "MvMqttUnsubscribeResponse.reason_codes_size");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttUnsubscribeResponse, reason_codes_len) == 16, "MvMqttUnsubscribeResponse.reason_codes_len");
MV_SYSCALLS_ASSERT(sizeof(struct MvMqttPublishRequest) == 28, "size of struct MvMqttPublishRequest");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttPublishRequest, correlation_id) == 0, "MvMqttPublishRequest.correlation_id");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttPublishRequest, topic) == 4, "MvMqttPublishRequest.topic");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttPublishRequest, payload) == 12, "MvMqttPublishRequest.payload");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttPublishRequest, desired_qos) == 20, "MvMqttPublishRequest.desired_qos");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttPublishRequest, retain) == 24, "MvMqttPublishRequest.retain");
MV_SYSCALLS_ASSERT(sizeof(struct MvMqttPublishResponse) == 12, "size of struct MvMqttPublishResponse");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttPublishResponse, request_state) == 0, "MvMqttPublishResponse.request_state");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttPublishResponse, correlation_id) == 4, "MvMqttPublishResponse.correlation_id");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttPublishResponse, reason_code) == 8, "MvMqttPublishResponse.reason_code");
MV_SYSCALLS_ASSERT(sizeof(struct MvMqttMessage) == 36, "size of struct MvMqttMessage");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttMessage, correlation_id) == 0, "MvMqttMessage.correlation_id");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttMessage, topic) == 4, "MvMqttMessage.topic");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttMessage, payload) == 16, "MvMqttMessage.payload");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttMessage, qos) == 28, "MvMqttMessage.qos");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttMessage, retain) == 32, "MvMqttMessage.retain");
MV_SYSCALLS_ASSERT(sizeof(struct MvMqttLostMessageInfo) == 20, "size of struct MvMqttLostMessageInfo");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttLostMessageInfo, reason) == 0, "MvMqttLostMessageInfo.reason");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttLostMessageInfo, topic) == 4, "MvMqttLostMessageInfo.topic");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttLostMessageInfo, message_len) == 16, "MvMqttLostMessageInfo.message_len");
MV_SYSCALLS_ASSERT(sizeof(struct MvMqttDisconnectResponse) == 8, "size of struct MvMqttDisconnectResponse");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttDisconnectResponse, request_state) == 0, "MvMqttDisconnectResponse.request_state");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvMqttDisconnectResponse, disconnect_code) == 4, "MvMqttDisconnectResponse.disconnect_code");
MV_SYSCALLS_ASSERT(sizeof(struct MvOpenSystemNotificationParams) == 12, "size of struct MvOpenSystemNotificationParams");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvOpenSystemNotificationParams, notification_handle) == 0, "MvOpenSystemNotificationParams.notification_handle");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvOpenSystemNotificationParams, notification_tag) == 4, "MvOpenSystemNotificationParams.notification_tag");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvOpenSystemNotificationParams, notification_source) == 8, "MvOpenSystemNotificationParams.notification_source");
MV_SYSCALLS_ASSERT(sizeof(struct MvExternalFlashInfo) == 16, "size of struct MvExternalFlashInfo");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvExternalFlashInfo, version) == 0, "MvExternalFlashInfo.version");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvExternalFlashInfo, v1.chip_id) == 4, "MvExternalFlashInfo.v1.chip_id");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvExternalFlashInfo, v1.size) == 8, "MvExternalFlashInfo.v1.size");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvExternalFlashInfo, v1.num_handles) == 12, "MvExternalFlashInfo.v1.num_handles");
MV_SYSCALLS_ASSERT(sizeof(struct MvWifiConfig) == 24, "size of struct MvWifiConfig");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvWifiConfig, version) == 0, "MvWifiConfig.version");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvWifiConfig, v1.config_mode) == 4, "MvWifiConfig.v1.config_mode");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvWifiConfig, v1.wifi_ssid) == 8, "MvWifiConfig.v1.wifi_ssid");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvWifiConfig, v1.wifi_password) == 16, "MvWifiConfig.v1.wifi_password");
MV_SYSCALLS_ASSERT(sizeof(struct MvWifiConfigOut) == 20, "size of struct MvWifiConfigOut");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvWifiConfigOut, version) == 0, "MvWifiConfigOut.version");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvWifiConfigOut, v1.ssid) == 4, "MvWifiConfigOut.v1.ssid");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvWifiConfigOut, v1.has_encryption) == 16, "MvWifiConfigOut.v1.has_encryption");
MV_SYSCALLS_ASSERT(sizeof(struct MvTemporaryTestSubStruct) == 16, "size of struct MvTemporaryTestSubStruct");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvTemporaryTestSubStruct, a) == 0, "MvTemporaryTestSubStruct.a");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvTemporaryTestSubStruct, b) == 8, "MvTemporaryTestSubStruct.b");
MV_SYSCALLS_ASSERT(sizeof(struct MvTemporaryTestStruct) == 12, "size of struct MvTemporaryTestStruct");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvTemporaryTestStruct, a) == 0, "MvTemporaryTestStruct.a");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvTemporaryTestStruct, b) == 4, "MvTemporaryTestStruct.b");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvTemporaryTestStruct, c) == 8, "MvTemporaryTestStruct.c");
MV_SYSCALLS_ASSERT(sizeof(struct MvTemporaryTestVersionedStruct) == 20, "size of struct MvTemporaryTestVersionedStruct");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvTemporaryTestVersionedStruct, version) == 0, "MvTemporaryTestVersionedStruct.version");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvTemporaryTestVersionedStruct, v1.a) == 4, "MvTemporaryTestVersionedStruct.v1.a");
MV_SYSCALLS_ASSERT(__builtin_offsetof(struct MvTemporaryTestVersionedStruct, v1.b) == 8, "MvTemporaryTestVersionedStruct.v1.b");
#undef MV_SYSCALLS_ASSERT
#endif

#endif
