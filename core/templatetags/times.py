"""`{% load times %}`: times as the admin shows them."""

from django import template

from core.times import local_time

register = template.Library()
register.filter("local_time", local_time)
