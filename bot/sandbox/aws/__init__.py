"""A stand-in for AWS on this machine: moto's server in process, made lasting (S3) and truthful (EC2)."""

from bot.sandbox.aws.sandbox import AwsSandbox

__all__ = ["AwsSandbox"]
