-- NewKeys messages of an account, numbered from 1 without gaps: each changes whom its devices trust.
CREATE TABLE new_keys (
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    number BIGINT NOT NULL,
    message {blob} NOT NULL,          -- as it goes to devices
    verified TEXT NOT NULL,           -- ids of the signers whose signatures could be checked, separated by spaces
    created_by TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    PRIMARY KEY (account_sid, number)
)
