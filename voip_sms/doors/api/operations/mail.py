"""Mail senders, groups and keywords over HTTP, as data."""

from typing import Final

from voip_sms.core.resources import mail_gateway
from voip_sms.doors.api import shapes
from voip_sms.doors.api.operations.operation import Operation, change, listing

OPERATIONS: Final[tuple[Operation, ...]] = (
    listing(
        "list_mail_senders",
        "/v1/mail-senders",
        "List mail addresses that may send",
        mail_gateway.MailSendersShown,
    ),
    change(
        "create_mail_sender",
        "POST /v1/mail-senders",
        "Let a mail address send, where the operator lets you",
        body=shapes.NEW_MAIL_SENDER,
        shown=mail_gateway.MailSenderShown,
    ),
    change(
        "change_mail_sender",
        "PATCH /v1/mail-senders/{id}",
        "Change how a mail address sends",
        body=shapes.MAIL_SENDER_PATCH,
        shown=mail_gateway.MailSenderShown,
    ),
    change(
        "delete_mail_sender",
        "DELETE /v1/mail-senders/{id}",
        "Let a mail address send no more, where the operator lets you",
    ),
    listing("list_groups", "/v1/groups", "List groups of recipients", mail_gateway.GroupsShown),
    change(
        "create_group",
        "POST /v1/groups",
        "Make a group",
        body=shapes.NEW_GROUP,
        shown=mail_gateway.GroupShown,
    ),
    change(
        "change_group",
        "PATCH /v1/groups/{id}",
        "Replace the numbers of a group",
        body=shapes.GROUP_PATCH,
        shown=mail_gateway.GroupShown,
    ),
    change("delete_group", "DELETE /v1/groups/{id}", "Remove a group"),
    listing("list_keywords", "/v1/keywords", "List words that lead to mailboxes", mail_gateway.KeywordsShown),
    change(
        "create_keyword",
        "POST /v1/keywords",
        "Lead texts that begin with a word to a mailbox",
        body=shapes.NEW_KEYWORD,
        shown=mail_gateway.KeywordShown,
    ),
    change(
        "change_keyword",
        "PATCH /v1/keywords/{id}",
        "Lead a word to another mailbox",
        body=shapes.KEYWORD_PATCH,
        shown=mail_gateway.KeywordShown,
    ),
    change("delete_keyword", "DELETE /v1/keywords/{id}", "Remove a keyword"),
)
