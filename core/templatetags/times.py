"""`{% load times %}`: times as the admin shows them, and as they are written for shoppers."""

from django import template

from core.times import local_time, written_date, written_time

register = template.Library()
register.filter("local_time", local_time)
register.filter("written_time", written_time)
register.filter("written_date", written_date, expects_localtime=True)
