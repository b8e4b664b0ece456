/*
 * What the audit tells apart. Numbers are stored: they never change their
 * meaning.
 */

#ifndef EXPO_AUDIT_H
#define EXPO_AUDIT_H

typedef enum {
    EXPO_AUDIT_NONE = 0, /* is not written down */
    EXPO_AUDIT_SIGN_IN = 1,

    EXPO_AUDIT_SCAN_ADD = 10,
    EXPO_AUDIT_SCAN_CHANGE = 11,
    EXPO_AUDIT_SCAN_DELETE = 12,
    EXPO_AUDIT_SCAN_LOOK = 13, /* at its thumbnail */
    EXPO_AUDIT_SCAN_VIEW = 14, /* a session was opened */
    EXPO_AUDIT_SCAN_EXPORT = 15,

    EXPO_AUDIT_CONFIGURATION_ADD = 20,
    EXPO_AUDIT_CONFIGURATION_CHANGE = 21,
    EXPO_AUDIT_CONFIGURATION_DELETE = 22,

    EXPO_AUDIT_SHARE_INVITE = 30,
    EXPO_AUDIT_SHARE_UNINVITE = 31,
    EXPO_AUDIT_SHARE_REDEEM = 32,
    EXPO_AUDIT_SHARE_CHANGE = 33,
    EXPO_AUDIT_SHARE_REVOKE = 34,

    EXPO_AUDIT_USER_ADD = 40,
    EXPO_AUDIT_USER_CHANGE = 41, /* password, recovery, quota */
    EXPO_AUDIT_USER_DISABLE = 42,
    EXPO_AUDIT_USER_ENABLE = 43,
    EXPO_AUDIT_USER_DELETE = 44,
    EXPO_AUDIT_USER_EXPORT = 45,

    EXPO_AUDIT_KEY_ROTATE = 50,
    EXPO_AUDIT_KEY_RECOVER = 51,
    EXPO_AUDIT_BACKUP = 52,
    EXPO_AUDIT_RESTORE = 53
} expo_audit_verb_t;

#endif
