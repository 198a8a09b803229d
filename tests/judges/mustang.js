// Asks Mustang about each file: `valid`, or what it found.
var files = Array.prototype.slice.call(arguments)
files.forEach(function (file) {
  var validator = new Packages.org.mustangproject.validator.ZUGFeRDValidator()
  var report = validator.validate(file)
  var said = validator.wasCompletelyValid() ? 'valid' : 'invalid ' + report
  print(file + '\t' + String(said).replace(/\s+/g, ' '))
})
